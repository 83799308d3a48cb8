package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/provision/web/client"
)

type enrolCmd struct {
	socketFlag
	Host string `arg:"" help:"The host, by its name in the inventory."`
}

func (c *enrolCmd) Run(ctx context.Context, out io.Writer) error {
	r, err := client.New(c.Socket).Enrol(ctx, c.Host)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "run this as root on %s within %d minutes; it works once:\n\n  rackhand-agent enrol --token %s\n", c.Host, r.Minutes, r.Token)
	return nil
}
