package main

import (
	"context"
	"io"
	"time"

	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type statusCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" optional:"" complete:"box" help:"One host in detail, by its name or a MAC; also an unclaimed box, by its MAC."`
}

func (c *statusCmd) Run(ctx context.Context, out io.Writer) error {
	cl := client.New(c.Socket)
	if c.Host != "" {
		return c.host(ctx, cl, out)
	}
	st, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, st)
	}
	return show.Status(out, st, time.Now())
}

func (c *statusCmd) host(ctx context.Context, cl *client.Client, out io.Writer) error {
	h, _, err := cl.Host(ctx, c.Host)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, h)
	}
	events, err := cl.Events(ctx, h.Host)
	if err != nil {
		return err
	}
	return show.Host(out, h, events, time.Now())
}
