package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/terminal"
	"rackhand/provision/web/client"
)

// quirksPatience bounds the question to the appliance: without its answer, the inventory's own
// quirks are shown.
const quirksPatience = 5 * time.Second

// quirks are those in force for the host's BMC; nil when another setting was asked for, and
// for a BMC of which nothing is known and nothing is said. The appliance knows its model.
func (c *explainCmd) quirks(ctx context.Context, snap *inventory.Snapshot) *bmc.QuirkReport {
	h := snap.Hosts[c.Host]
	if h.BMC == nil || c.Key != "" && c.Key != "bmc" && !strings.HasPrefix(c.Key, "bmc.quirks") && !strings.HasPrefix(c.Key, "bmc.vendors") {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, quirksPatience)
	defer cancel()
	var m bmc.Memory
	if known, err := client.New(c.Socket).BMCQuirks(ctx, c.Host); err == nil {
		m = bmc.Memory{Protocol: known.Protocol, Vendor: known.Vendor, Model: known.Model, Firmware: known.Firmware}
	}
	r := bmc.QuirksOf(snap, h, m)
	if len(r.Quirks) == 0 && r.Named() == "" {
		return nil
	}
	return &r
}

// showQuirks writes them below the settings.
func showQuirks(out io.Writer, r *bmc.QuirkReport) error {
	if r == nil {
		return nil
	}
	named := r.Named()
	if named == "" {
		named = "its model isn't known, so these are the inventory's alone"
	}
	fmt.Fprintf(out, "\nQuirks of its BMC (%s):\n", named)
	if len(r.Quirks) == 0 {
		fmt.Fprintln(out, "none")
	}
	table := &terminal.Table{}
	for _, q := range r.Quirks {
		table.Add(q.Quirk, q.Source)
	}
	return table.Write(out)
}
