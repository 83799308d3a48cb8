package main

import (
	"context"
	"io"
	"os"
	"strings"

	"rackhand/provision/rack/rehearse"
)

type demoCmd struct {
	Boxes    int    `help:"The number of boxes." default:"1"`
	Firmware string `help:"Their firmware." enum:"bios,uefi" default:"uefi"`
	Accel    string `name:"accelerator" help:"How the boxes run: kvm, tcg (emulated), or auto: kvm if a first guest boots with it." enum:"auto,kvm,tcg" default:"auto"`
	Keep     bool   `help:"Keep it running until Ctrl-C."`
	Images   string `help:"The folder of root images." default:"/var/lib/rackhand/images" type:"path"`
	Logs     string `help:"The folder of the logs." default:"/var/tmp/rackhand-demo-logs" type:"path"`
	Page     string `help:"The address of the status page on this machine." default:"127.0.0.1:8080"`
}

func (c *demoCmd) Run(ctx context.Context, out io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return rehearse.Demo(ctx, rehearse.DemoOptions{
		Program: program, Boxes: c.Boxes, Firmware: c.Firmware, Accelerator: strings.TrimPrefix(c.Accel, "auto"), Keep: c.Keep,
		Images: c.Images, Logs: c.Logs, Page: c.Page, Out: out,
	})
}
