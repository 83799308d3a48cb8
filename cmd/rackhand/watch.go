package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"rackhand/config/visible"
	"rackhand/provision"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type watchCmd struct {
	socketFlag
	Host  string `arg:"" optional:"" complete:"box" help:"Only this host, by its name or a MAC; also an unclaimed box, by its MAC."`
	After uint64 `help:"Begin after the event with this number (default: only new events)." placeholder:"N"`
	All   bool   `help:"Begin with the first event."`
	JSON  bool   `name:"json" help:"As JSON, an event a line."`
}

func (c *watchCmd) Run(ctx context.Context, out io.Writer) error {
	cl := client.New(c.Socket)
	st, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	if c.Host != "" {
		h, err := client.Find(st, c.Host)
		if err != nil {
			return err
		}
		c.Host = h.Host
	}
	after := c.After
	if after == 0 && !c.All {
		after = st.Seq
	}
	for {
		var failed error
		after, err = cl.Watch(ctx, after, func(e provision.Event) bool {
			if c.Host == "" || e.Host == c.Host {
				failed = c.print(out, e)
			}
			return failed == nil
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case failed != nil:
			return failed
		}
		// The appliance was restarted, perhaps: wait for it, and go on where we were.
		fmt.Fprintln(os.Stderr, "rackhand: the appliance does not answer; trying again:", visible.Text(err.Error()))
		if sleepFor(ctx, 2*time.Second) != nil {
			return nil
		}
	}
}

func (c *watchCmd) print(out io.Writer, e provision.Event) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(e)
	}
	return show.Event(out, e)
}
