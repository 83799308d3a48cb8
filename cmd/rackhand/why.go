package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/operate"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type whyCmd struct {
	socketFlag
	jsonFlag
	Host      string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	State     string `placeholder:"DIR" type:"path" help:"Ask a copy of a state folder, without an appliance. Nothing is written there."`
	Inventory string `placeholder:"DIR" type:"path" help:"With --state: the inventory's folder (default ${inventory})."`
}

func (c *whyCmd) Run(ctx context.Context, out io.Writer) error {
	r, now, err := c.ask(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, r)
	}
	return show.Why(out, r, now)
}

// ask returns the answer, and the time of day that it is of.
func (c *whyCmd) ask(ctx context.Context) (provision.WhyReply, time.Time, error) {
	if c.State == "" {
		if c.Inventory != "" {
			return provision.WhyReply{}, time.Time{}, exitError{exitUsage, errors.New("--inventory needs --state: a running appliance has its own inventory")}
		}
		r, err := client.New(c.Socket).Why(ctx, c.Host)
		return r, time.Now(), err
	}
	dir := c.Inventory
	if dir == "" {
		dir = defaultInventory
	}
	// Roles and templates are not checked: what is wrong with one may be the answer.
	snap, problems := inventory.Load(dir, inventory.Options{})
	if snap == nil {
		return provision.WhyReply{}, time.Time{}, problems
	}
	copied, err := operate.OpenCopied(ctx, c.State, snap, slog.New(slog.DiscardHandler))
	if err != nil {
		return provision.WhyReply{}, time.Time{}, err
	}
	r, err := copied.Why(ctx, c.Host)
	return r, copied.Now(), errors.Join(err, copied.Close())
}
