package main

import (
	"context"
	"errors"
	"io"

	"rackhand/provision/web/client"
)

type logCmd struct {
	socketFlag
	Host    string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	Follow  bool   `short:"f" help:"Follow the log until the install has ended."`
	Install string `help:"The install, such as web1-3 (default: the latest)." placeholder:"ID"`
}

func (c *logCmd) Run(ctx context.Context, out io.Writer) error {
	err := client.New(c.Socket).Log(ctx, c.Host, c.Install, c.Follow, out)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
