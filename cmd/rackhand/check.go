package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rackhand/provision/appliance"
)

// defaultInventory is where an appliance's inventory lies.
const defaultInventory = "/etc/rackhand/inventory"

type checkCmd struct {
	Paths []string `arg:"" optional:"" name:"path" help:"The inventory's folder (default ${inventory}); with --kickstart, Kickstart files, - for standard input."`

	Kickstart   bool   `help:"Check Kickstart files as they are, for --release; no inventory is read."`
	Release     string `help:"The release: RHEL7 to RHEL10, F42 to F44."`
	Unsupported string `enum:"refuse,skip," default:"" help:"With --kickstart: check for the image installer too, which refuses or skips what it can't carry out."`
	Strict      bool   `help:"Exit 1 for warnings too."`
}

func (c *checkCmd) Run(in io.Reader, out io.Writer) error {
	switch {
	case c.Kickstart:
		return c.kickstarts(in, out)
	case c.Unsupported != "":
		return errors.New("--unsupported goes with --kickstart: an inventory's systems say it")
	case c.Release != "":
		return errors.New("--release goes with --kickstart: an inventory's systems say their releases")
	case len(c.Paths) > 1:
		return errors.New("one inventory's folder is checked at a time")
	}
	dir := defaultInventory
	if len(c.Paths) == 1 {
		dir = c.Paths[0]
	}
	checked := appliance.Check(dir)
	for _, p := range slices.Concat(checked.Problems, checked.Warnings) {
		fmt.Fprintln(out, p)
	}
	var said []string
	if n := len(checked.Problems); n > 0 {
		said = append(said, count(n, "problem"))
	}
	if n := len(checked.Warnings); n > 0 {
		said = append(said, count(n, "warning"))
	}
	switch snap := checked.Snapshot; {
	case snap == nil:
	case len(said) == 0:
		said = append(said, "no problem found")
		fallthrough
	default:
		fmt.Fprintf(out, "%s in %s: ", count(len(snap.Hosts), "host"), count(len(snap.Networks), "network"))
	}
	fmt.Fprintln(out, strings.Join(said, ", "))
	if len(checked.Problems) > 0 || c.Strict && len(checked.Warnings) > 0 {
		return silent{1}
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
