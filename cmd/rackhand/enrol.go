package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/provision"
	"rackhand/provision/web/client"
)

type enrolCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
}

func (c *enrolCmd) Run(ctx context.Context, out io.Writer) error {
	r, err := client.New(c.Socket).Enrol(ctx, c.Host)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, struct {
			Host string `json:"host"`
			provision.EnrolmentReply
		}{c.Host, r})
	}
	fmt.Fprintf(out, "run this as root on %s within %d minutes; it works once:\n\n  rackhand-agent enrol --token %s\n", c.Host, r.Minutes, r.Token)
	return nil
}
