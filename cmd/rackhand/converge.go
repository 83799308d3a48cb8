package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"rackhand/provision/rollout"
	"rackhand/provision/web/client"
)

type convergeCmd struct {
	socketFlag
	Hosts        []string `arg:"" optional:"" name:"host" complete:"host" help:"Hosts, by their names in the inventory."`
	Group        []string `complete:"group" help:"Also the hosts of this group; may be given several times." placeholder:"GROUP"`
	Role         []string `complete:"role" help:"Also the hosts with this role; may be given several times." placeholder:"ROLE"`
	All          bool     `help:"All hosts."`
	Noop         bool     `help:"Change nothing: say what would be changed. Implies --wait."`
	IgnoreWindow bool     `help:"Restart services now, though their maintenance window is closed."`
	Wait         bool     `help:"Wait for what comes of it."`
	Batch        string   `help:"So many hosts at a time, such as 5 or 10%; the next when these are done. Implies --wait." placeholder:"N"`
	StopAfter    int      `help:"Begin no further batch once so many hosts have failed; 0: go on." default:"1"`
	JSON         bool     `help:"As JSON, with the reports. Implies --wait."`
}

// Help is the end of --help.
func (c *convergeCmd) Help() string {
	return "An order that was given goes on when this command is interrupted."
}

func (c *convergeCmd) Run(ctx context.Context, out io.Writer) error {
	cl := client.New(c.Socket)
	st, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	hosts, err := rollout.Select(rollout.Selection{Hosts: c.Hosts, Groups: c.Group, Roles: c.Role, All: c.All}, st.Hosts)
	if err != nil {
		return exitError{exitConvergeUsage, err}
	}
	batch, err := rollout.ParseBatch(c.Batch, len(hosts))
	if err == nil && c.StopAfter < 0 {
		err = fmt.Errorf("--stop-after %d: a number of hosts is wanted, or 0", c.StopAfter)
	}
	if err != nil {
		return exitError{exitConvergeUsage, err}
	}
	o := rollout.Options{
		Hosts: hosts, Noop: c.Noop, IgnoreWindow: c.IgnoreWindow, Batch: batch, StopAfter: c.StopAfter,
		Wait: c.Wait || c.Noop || c.Batch != "" || c.JSON, Order: cl.Converge, Changes: cl.Orders, Sleep: sleepFor,
	}
	if !c.JSON {
		o.Line = func(text string) { fmt.Fprintln(out, text) }
	}
	result, err := rollout.Run(ctx, o)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(out, result)
	} else if o.Wait {
		fmt.Fprintln(out)
		err = result.Table(out)
	}
	if err != nil {
		return err
	}
	if code := result.ExitCode(); code != 0 {
		return silent{code}
	}
	return nil
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
