package main

import (
	"fmt"
	"io"
	"strings"

	"rackhand/config/file"
	"rackhand/inventory"
	"rackhand/inventory/port"
)

type importCmd struct {
	inventoryFlag
	Table   string `arg:"" name:"hosts.csv" complete:"file" help:"The table, - for standard input: a line of column names (name, mac; address, bmc, bmc_mac, rack, unit, group, system, role, kickstart, disk, variables.NAME), then one host a line."`
	Group   string `complete:"group" help:"The group of hosts without one in their row."`
	Network string `complete:"network" help:"The network for hosts without an address, if there are several."`
	DryRun  bool   `help:"List the hosts that would be added, and print no YAML."`
}

func (c *importCmd) Run(in io.Reader, out io.Writer) error {
	if c.Table != "-" {
		f, err := file.Open(c.Table)
		if err != nil {
			return exitError{exitUsage, fmt.Errorf("the table: %w", err)}
		}
		defer f.Close()
		in = f
	}
	table, problems := port.ReadCSV(c.Table, in)
	var done port.Import
	if table != nil {
		// `rackhand check` checks roles and templates: problems with them don't belong to
		// the table.
		done, problems = table.Plan(c.Inventory, inventory.Options{}, port.ImportOptions{Group: c.Group, Network: c.Network})
	}
	if err := problems.Err(); err != nil {
		return fmt.Errorf("nothing was imported: %s\n%w", count(len(problems), "problem"), err)
	}
	// Comments, so that all of it can go into a file.
	fmt.Fprintf(out, "# %s from %s", count(len(done.Added), "new host"), c.Table)
	if len(done.Present) > 0 {
		fmt.Fprintf(out, "; in the inventory already: %s", shorten(strings.Join(done.Present, ", ")))
	}
	fmt.Fprintln(out)
	if c.DryRun {
		for _, name := range done.Added {
			fmt.Fprintf(out, "#   %s\n", name)
		}
		return nil
	}
	_, err := out.Write(done.YAML)
	return err
}
