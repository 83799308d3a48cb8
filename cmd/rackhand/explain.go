package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/terminal"
)

// inventoryFlag is shared by the commands that read an inventory's files.
type inventoryFlag struct {
	Inventory string `help:"The inventory's folder." default:"${inventory}" env:"RACKHAND_INVENTORY" type:"path"`
}

type explainCmd struct {
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	Key  string `arg:"" optional:"" help:"One setting, such as role or variables.lang; boot means all settings under boot. Or a resource of its roles, such as 'file[/etc/motd]'."`
	inventoryFlag
	socketFlag
	Config string `help:"For a resource: the appliance's settings (default: ${config}, if it exists)." type:"path"`
	JSON   bool   `help:"As JSON."`
}

// maxShown is how much of a value a table shows, in characters; JSON has all of it.
const maxShown = 60

func (c *explainCmd) Run(ctx context.Context, out io.Writer) error {
	if isResource(c.Key) {
		return c.resource(ctx, out)
	}
	// Roles and templates are not looked at: where a value comes from can be asked
	// while they are broken.
	snap, problems := inventory.Load(c.Inventory, inventory.Options{})
	if err := problems.Err(); err != nil {
		return err
	}
	ask := func() ([]inventory.Setting, error) { return inventory.ExplainHost(snap, c.Host) }
	if c.Key != "" {
		ask = func() ([]inventory.Setting, error) { return inventory.ExplainKey(snap, c.Host, c.Key) }
	}
	settings, err := ask()
	if err != nil {
		return err
	}
	quirks := c.quirks(ctx, snap)
	if c.JSON {
		return explainJSON(out, snap.Hosts[c.Host], settings, quirks)
	}
	fmt.Fprintf(out, "%s, %s\n", c.Host, snap.Hosts[c.Host].Line)
	table := &terminal.Table{}
	for _, s := range settings {
		key := s.Key
		for _, from := range s.Origins {
			table.Add(key, shorten(inventory.ShowValue(from.Value)), from.At, from.Layer)
			key = "  instead of"
		}
	}
	if err := table.Write(out); err != nil {
		return err
	}
	return showQuirks(out, quirks)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > maxShown {
		return string(r[:maxShown-1]) + "…"
	}
	return s
}

// explained is one value as JSON.
type explained struct {
	Key   string `json:"key,omitempty"`
	Value any    `json:"value"`
	Layer string `json:"layer"`
	At    string `json:"at,omitempty"` // file:line:column, not for what is built in
	// InsteadOf are the values that lost, the strongest first.
	InsteadOf []explained `json:"instead_of,omitempty"`
}

func explainJSON(out io.Writer, h *inventory.Host, settings []inventory.Setting, quirks *bmc.QuirkReport) error {
	told := struct {
		Host     string           `json:"host"`
		At       string           `json:"at"`
		Settings []explained      `json:"settings"`
		BMC      *bmc.QuirkReport `json:"bmc,omitempty"` // its quirks in force
	}{Host: h.Name, At: h.Line, BMC: quirks}
	for _, s := range settings {
		var all []explained
		for _, o := range s.Origins {
			all = append(all, explained{Value: inventory.Plain(o.Value), Layer: o.Layer, At: o.At})
		}
		first := all[0]
		first.Key, first.InsteadOf = s.Key, all[1:]
		told.Settings = append(told.Settings, first)
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(told)
}
