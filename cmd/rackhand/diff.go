package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"rackhand/inventory"
	"rackhand/provision/preview"
)

type diffCmd struct {
	Ref string `arg:"" optional:"" default:"HEAD" help:"The commit to compare with (default HEAD): a branch, a tag, a hash."`
	inventoryFlag
	jsonFlag
}

// Run says with its exit status whether something differs: 0 nothing, 2 something, 1
// what could not be compared.
func (c *diffCmd) Run(ctx context.Context, out io.Writer) error {
	temp, err := os.MkdirTemp("", "rackhand-diff-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	o := preview.Options{}
	if cfg, err := settingsFor("", c.Inventory); err == nil { // otherwise no appliance is known
		o.Facts = storedFacts(ctx, cfg)
	}
	now, problems := preview.Open(c.Inventory, o)
	if err := problems.Err(); err != nil {
		return err
	}
	found, err := preview.CheckOut(ctx, c.Inventory, c.Ref, temp)
	if err != nil {
		return err
	}
	// A folder that is new: nothing was there before.
	old := &preview.Preview{Snapshot: &inventory.Snapshot{}}
	if found {
		if old, problems = preview.Open(temp, o); len(problems) > 0 {
			return fmt.Errorf("the inventory at %s has problems, so it can't be compared:\n%w", c.Ref, problems.Err())
		}
	}
	compared, err := preview.Compare(ctx, old, now, c.Ref)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(out, compared)
	} else {
		err = compared.Write(out)
	}
	if err != nil {
		return err
	}
	switch {
	case len(compared.Broken) > 0:
		return fmt.Errorf("these hosts' answers can't be rendered now: %s; `rackhand check` says why", preview.Ranges(compared.Broken))
	case compared.Any():
		return silent{2}
	}
	return nil
}
