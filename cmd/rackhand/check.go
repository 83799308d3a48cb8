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
		fmt.Fprintf(out, "%d problems\n", len(problems))
		return silent{1}
	}
	fmt.Fprintf(out, "%d hosts in %d networks: no problem found\n", len(snap.Hosts), len(snap.Networks))
	return nil
}
