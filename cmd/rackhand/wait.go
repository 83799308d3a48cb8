package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"rackhand/config/visible"
	"rackhand/provision"
	"rackhand/provision/await"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type waitCmd struct {
	socketFlag
	jsonFlag
	Hosts   []string      `arg:"" name:"host" complete:"host" help:"The hosts, by their names in the inventory."`
	For     string        `enum:"requested,powered,addressed,bootfile,script,kernel,installer,packages,installed,booted,enrolled,converging,converged,serving" default:"serving" placeholder:"STAGE" help:"The stage to wait for: requested, powered, addressed, bootfile, script, kernel, installer, packages, installed, booted, enrolled, converging, converged or serving (default). A later stage counts too."`
	Timeout time.Duration `default:"20m" help:"How long to wait, such as 90s or 1h; 0: without end."`
}

// Help is the end of --help.
func (c *waitCmd) Help() string {
	return "A host that has failed already ends the wait at once, and so does one that serves. " +
		"A host without an install is waited for. The wait goes on when the appliance is restarted."
}

func (c *waitCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	} else if c.Timeout < 0 {
		return exitError{exitUsage, fmt.Errorf("--timeout=%s: a time to wait is wanted, or 0", c.Timeout)}
	}
	cl := client.New(c.Socket)
	st, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	o := await.Options{
		For: provision.Stage(c.For), Status: cl.Status, Watch: cl.Watch, Note: func(await.Host) {},
		Pause: func(ctx context.Context) error { return sleepFor(ctx, time.Second) },
		Lost: func(err error) {
			fmt.Fprintln(os.Stderr, "rackhand: still waiting:", visible.Text(err.Error()))
		},
	}
	if !c.JSON {
		o.Note = func(h await.Host) { fmt.Fprintln(out, show.Awaited(h)) }
	}
	for _, name := range c.Hosts {
		h, err := client.Find(st, name)
		switch {
		case err != nil:
			return err
		case h.Unclaimed:
			return fmt.Errorf("%s is not in the inventory: `%s` adds it", h.Host, h.AddCommand())
		}
		o.Hosts = append(o.Hosts, h.Host)
	}
	r, err := await.Run(ctx, o)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(out, r)
	} else {
		for _, h := range r.Hosts {
			if h.Outcome == await.Timeout {
				fmt.Fprintln(out, show.Awaited(h))
			}
		}
	}
	switch {
	case err != nil:
		return err
	case r.Has(await.Failed):
		return silent{1}
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && r.Has(await.Timeout):
		return silent{exitTimeout}
	case r.Has(await.Timeout):
		return errors.New("interrupted")
	}
	return nil
}
