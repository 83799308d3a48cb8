package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/provision/web/client"
)

type powerCmd struct {
	socketFlag
	jsonFlag
	Host   string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	Action string `arg:"" enum:"on,off,cycle,reset,status" help:"on, off, cycle, reset or status."`
}

func (c *powerCmd) Run(ctx context.Context, out io.Writer) error {
	seen, err := client.New(c.Socket).Power(ctx, c.Host, c.Action)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, struct {
			Host   string `json:"host"`
			Action string `json:"action"`
			Power  string `json:"power"` // as its BMC says: on, off, unknown
		}{c.Host, c.Action, seen})
	}
	fmt.Fprintf(out, "%s: its BMC says: %s\n", c.Host, seen)
	return nil
}
