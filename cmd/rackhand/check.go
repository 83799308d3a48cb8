package main

import (
	"fmt"
	"io"

	"rackhand/provision/appliance"
)

type checkCmd struct {
	Dir string `arg:"" optional:"" help:"The inventory's folder." default:"/etc/rackhand/inventory" type:"path"`
}

func (c *checkCmd) Run(out io.Writer) error {
	snap, problems := appliance.Load(c.Dir)
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
