package main

import (
	"context"
	"io"

	"rackhand/provision"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type bmcAuditCmd struct {
	socketFlag
	jsonFlag
	Hosts   []string `arg:"" optional:"" name:"host" complete:"host" help:"The hosts (default: all of the inventory, and BMCs outside it)."`
	Factory bool     `help:"Also try the factory accounts of a BMC's maker, two at most. Each try is an event."`
}

// Run prints the findings. Exit status: 0 nothing worse than a note, 1 warnings or critical
// findings, 2 the audit failed.
func (c *bmcAuditCmd) Run(ctx context.Context, out io.Writer) error {
	a, err := client.New(c.Socket).Audit(ctx, provision.AuditRequest{Hosts: c.Hosts, Factory: c.Factory})
	if err != nil {
		return exitError{exitUnseen, err}
	}
	if c.JSON {
		err = printJSON(out, a)
	} else {
		err = show.Audit(out, a)
	}
	if err != nil {
		return err
	}
	if a.Count(provision.Critical)+a.Count(provision.Warning) > 0 {
		return silent{1}
	}
	return nil
}
