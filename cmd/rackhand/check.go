package main

import (
	"errors"
	"fmt"
	"io"

	"rackhand/provision/appliance"
)

// defaultInventory is where an appliance's inventory lies.
const defaultInventory = "/etc/rackhand/inventory"

type checkCmd struct {
	Paths []string `arg:"" optional:"" name:"path" help:"The inventory's folder (default ${inventory}); with --kickstart, Kickstart files, - for standard input."`

	Kickstart bool   `help:"Check Kickstart files as they are, for --release; no inventory is read."`
	Release   string `help:"The release: RHEL7 to RHEL10, F42 to F44."`
	Strict    bool   `help:"Exit 1 for warnings too."`
}

func (c *checkCmd) Run(in io.Reader, out io.Writer) error {
	switch {
	case c.Kickstart:
		return c.kickstarts(in, out)
	case c.Release != "":
		return errors.New("--release goes with --kickstart: an inventory's systems say their releases")
	case len(c.Paths) > 1:
		return errors.New("one inventory's folder is checked at a time")
	}
	dir := defaultInventory
	if len(c.Paths) == 1 {
		dir = c.Paths[0]
	}
	snap, problems := appliance.Load(dir)
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	if len(problems) > 0 {
		fmt.Fprintln(out, count(len(problems), "problem"))
		return silent{1}
	}
	fmt.Fprintf(out, "%s in %s: no problem found\n", count(len(snap.Hosts), "host"), count(len(snap.Networks), "network"))
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
