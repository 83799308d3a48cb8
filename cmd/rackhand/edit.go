package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/edit"
	"rackhand/provision/preview"
)

type setCmd struct {
	editFlags
	Path   string   `arg:"" help:"The path to set, such as hosts.web1.address, groups.web.role or hosts.web1.variables.motd; quote a key that contains a dot: systems.\"rocky9.4\".media."`
	Values []string `arg:"" name:"value" help:"The value; several make a list. Put -- before one that begins with a dash."`
}

func (c *setCmd) Run(ctx context.Context, out io.Writer) error {
	path, err := edit.ParsePath(c.Path)
	if err != nil {
		return exitError{exitUsage, err}
	}
	return c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		return edit.SetIn(files, c.File, path, c.Values...)
	}, func() {})
}

type removeCmd struct {
	editFlags
	Path string `arg:"" help:"The path to remove, such as hosts.web1 or hosts.web1.role."`
}

func (c *removeCmd) Run(ctx context.Context, out io.Writer) error {
	path, err := edit.ParsePath(c.Path)
	if err != nil {
		return exitError{exitUsage, err}
	}
	return c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		return edit.RemoveIn(files, c.File, path)
	}, func() {})
}

// editFlags are shared by the commands that change the inventory.
type editFlags struct {
	Inventory string `help:"The inventory's folder." default:"${inventory}" env:"RACKHAND_INVENTORY" type:"path"`
	File      string `help:"The file of the inventory to change (default: the one that fits)."`
	DryRun    bool   `help:"Show the change, and write nothing."`
}

// edit makes a change, shows it, and reports the result. It calls first before it shows the
// change. If also refuses the inventory after the edit, the edit is not made.
func (f *editFlags) edit(ctx context.Context, out io.Writer, change func([]edit.File) (edit.Change, error), first func(), also ...func(*inventory.Snapshot) error) error {
	also = append(also, f.ownAddress())
	var refused error
	folder := edit.Folder{Dir: f.Inventory, Load: func(dir string) (*inventory.Snapshot, inventory.Problems) {
		snap, problems := preview.Load(dir)
		for _, look := range also {
			if refused == nil && snap != nil {
				refused = look(snap)
			}
		}
		if refused != nil {
			problems = append(problems, problem.Problem{Message: refused.Error()})
		}
		return snap, problems
	}}
	done, err := folder.Edit(ctx, f.DryRun, change)
	var broken *edit.Broken
	switch {
	case refused != nil && err != nil:
		return refused
	case errors.As(err, &broken):
		for _, p := range broken.Problems {
			fmt.Fprintln(out, p)
		}
		if broken.Already > 0 {
			return fmt.Errorf("nothing was changed: the inventory already has problems (%d); correct them first, rackhand check shows them", broken.Already)
		}
		return fmt.Errorf("nothing was changed: with this edit the inventory would have %s", count(len(broken.Problems), "problem"))
	case err != nil:
		return err
	}
	first()
	text := done.Diff()
	if text == "" {
		fmt.Fprintf(out, "%s: nothing to change\n", done.File)
		return nil
	}
	fmt.Fprint(out, text)
	if f.DryRun {
		return nil
	}
	fmt.Fprintf(out, "%s is written\n", done.File)
	return nil
}

// ownAddress refuses a host with an address of the appliance's own, that the inventory
// did not have before.
func (f *editFlags) ownAddress() func(*inventory.Snapshot) error {
	cfg, err := settingsFor("", f.Inventory)
	if err != nil || cfg == nil {
		return func(*inventory.Snapshot) error { return nil } // it isn't known
	}
	own := preview.SuppliesOf(cfg).Addresses
	return func(snap *inventory.Snapshot) error {
		for name, h := range snap.Hosts {
			if !slices.Contains(own, h.Address) {
				continue
			}
			before, _ := preview.Load(f.Inventory)
			if before != nil && before.Hosts[name] != nil && before.Hosts[name].Address == h.Address {
				continue
			}
			return fmt.Errorf("nothing was changed: %s is the appliance's own address, so %s would get no address; choose another one", h.Address, name)
		}
		return nil
	}
}
