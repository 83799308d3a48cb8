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
	JSON bool `help:"As JSON."`
}

func (c *statusCmd) Run(ctx context.Context, out io.Writer) error {
	st, err := client.New(c.Socket).Status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, st)
	}
	return show.Status(out, st, time.Now())
}
