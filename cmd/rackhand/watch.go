package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"rackhand/provision"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type watchCmd struct {
	socketFlag
	Host  string `arg:"" optional:"" help:"Only this host."`
	After uint64 `help:"Begin after the event with this number (default: only new events)."`
	All   bool   `help:"Begin with the first event."`
}

func (c *watchCmd) Run(ctx context.Context, out io.Writer) error {
	cl := client.New(c.Socket)
	after := c.After
	if after == 0 && !c.All {
		st, err := cl.Status(ctx)
		if err != nil {
			return err
		}
		after = st.Seq
	}
	for {
		var err error
		after, err = cl.Watch(ctx, after, func(e provision.Event) bool {
			if c.Host == "" || e.Host == c.Host {
				fmt.Fprintln(out, show.Event(e))
			}
			return true
		})
		if ctx.Err() != nil {
			return nil
		}
		// The appliance was restarted, perhaps: wait for it, and go on where we were.
		fmt.Fprintln(out, "the appliance does not answer; trying again:", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
}
