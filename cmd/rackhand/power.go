package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/provision/web/client"
)

type powerCmd struct {
	socketFlag
	Host   string `arg:"" help:"The host, by its name in the inventory."`
	Action string `arg:"" enum:"on,off,cycle,reset,status" help:"on, off, cycle, reset or status."`
}

func (c *powerCmd) Run(ctx context.Context, out io.Writer) error {
	seen, err := client.New(c.Socket).Power(ctx, c.Host, c.Action)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: its BMC says: %s\n", c.Host, seen)
	return nil
}
