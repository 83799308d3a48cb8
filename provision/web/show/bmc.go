package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/terminal"
)

// BMC writes a first look at a host's BMC.
func BMC(out io.Writer, v bmc.Overview) error {
	table := &terminal.Table{Narrow: true}
	add := func(name, text string) {
		if text != "" {
			table.Add(name, OneLine(text, mostText))
		}
	}
	add("BMC", v.Address)
	add("protocol", string(v.Protocol))
	add("power", strings.Join(append([]string{dash(v.Power)}, v.Faults...), ", "))
	if v.Info != nil {
		addInfo(add, *v.Info)
	}
	if v.Boot != nil {
		add("boot override", v.Boot.Text)
	}
	if v.Network != nil {
		add("network", networkText(*v.Network))
	}
	if v.Log != nil {
		add("event log", v.Log.String())
	}
	for _, p := range []bmc.ReportPart{bmc.PartPower, bmc.PartInfo, bmc.PartBoot, bmc.PartNetwork, bmc.PartLog} {
		if why := v.Missing[p]; why != "" {
			add("no "+string(p), why)
		}
	}
	return table.Write(out)
}

func addInfo(add func(name, text string), i bmc.Info) {
	add("maker", i.Maker)
	add("model", i.Model)
	add("serial number", i.Serial)
	add("asset tag", i.Asset)
	add("UUID", i.UUID)
	add("BIOS version", i.BIOS)
	add("BMC version", i.BMC)
}

func networkText(n bmc.Network) string {
	text := n.String()
	if mac := n.MAC.String(); mac != "00:00:00:00:00:00" {
		text += ", MAC " + mac
	}
	return text
}

// BMCInfo writes what a BMC knows of its box, with the parts.
func BMCInfo(out io.Writer, i bmc.Info) error {
	table := &terminal.Table{Narrow: true}
	addInfo(func(name, text string) {
		if text != "" {
			table.Add(name, OneLine(text, mostText))
		}
	}, i)
	if err := table.Write(out); err != nil || len(i.Parts) == 0 {
		return err
	}
	fmt.Fprintln(out)
	parts := &terminal.Table{Head: []string{"PART", "MAKER", "MODEL", "SERIAL NUMBER"}}
	for _, p := range i.Parts {
		parts.Add(OneLine(p.Name, 40), dash(OneLine(p.Maker, 40)), dash(OneLine(p.Model, 60)), dash(OneLine(p.Serial, 60)))
	}
	return parts.Write(out)
}

// Sensors writes readings, a line each.
func Sensors(out io.Writer, all []bmc.Sensor) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "the BMC has no sensor with a value; most have none while the box is off")
		return err
	}
	table := &terminal.Table{Head: []string{"SENSOR", "VALUE", "HEALTH"}}
	for _, s := range all {
		table.Rows = append(table.Rows, terminal.Row{Cells: []terminal.Cell{
			{Text: OneLine(s.Name, 40)}, {Text: OneLine(s.Reading(), 60)}, {Text: OneLine(dash(s.Health), 20), Style: health(s.Health)},
		}})
	}
	return table.Write(out)
}

func health(h string) terminal.Style {
	switch h {
	case bmc.Critical:
		return terminal.Bad
	case bmc.Warning:
		return terminal.Warn
	}
	return terminal.Plain
}

// Entries writes entries of an event log, oldest first, and how full it is.
func Entries(out io.Writer, v bmc.Overview) error {
	if v.Log != nil {
		fmt.Fprintf(out, "event log: %s\n", v.Log)
	}
	for _, e := range v.Entries {
		at := "time unknown       "
		if !e.At.IsZero() {
			at = e.At.UTC().Format(time.DateTime)
		}
		mark := map[string]string{bmc.Warning: "!", bmc.Critical: "X"}[e.Health]
		text := OneLine(e.Text, mostText)
		if e.Sensor != "" {
			text = OneLine(e.Sensor, 60) + ": " + text
		}
		if err := terminal.Paint(out, health(e.Health), fmt.Sprintf("%s %-1s %s\n", at, mark, text)); err != nil {
			return err
		}
	}
	return nil
}

// Users writes the accounts of a BMC, a line each.
func Users(out io.Writer, all []bmc.Account) error {
	table := &terminal.Table{Head: []string{"ID", "NAME", "PRIVILEGE", "ENABLED"}}
	for _, a := range all {
		name := OneLine(a.Name, 64)
		if name == "" {
			name = "(anonymous)"
		}
		enabled := strconv.FormatBool(a.Enabled)
		if a.MustReset {
			enabled += ", must change its password"
		}
		table.Add(OneLine(dash(a.ID), 40), name, dash(string(a.Privilege)), enabled)
	}
	return table.Write(out)
}
