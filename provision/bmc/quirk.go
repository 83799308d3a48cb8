package bmc

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Quirks say in what a BMC differs from its standard.
type Quirks struct {
	// NoReadback: the boot override can be written and not read.
	NoReadback bool
	// Mode says when Redfish's BootSourceOverrideMode is sent: "always", "never", "changed";
	// "" where the BMC advertises it.
	Mode string
	// SettingsObject: the boot override is written to the Settings object.
	SettingsObject bool
	// UEFIDisk24: a UEFI boot from disk is device selector 24h (IPMI).
	UEFIDisk24 bool
	// NoEFIBit: the boot override is set without the EFI bit, or with it the box boots its disk.
	NoEFIBit bool
	// OwnCycle: a power cycle is the BMC's own command. Without it, a cycle is off, seen off,
	// on, seen on.
	OwnCycle bool
	// MinPause is the shortest time between two sessions.
	MinPause time.Duration
}

// An AppliedQuirk is a quirk as the inventory writes it ("mode: never"), and where it comes
// from: "shipped: Supermicro X11 (bmclib#209)" or "inventory: hosts.yaml:12:9".
type AppliedQuirk struct {
	Quirk  string `json:"quirk"`
	Source string `json:"source"`
}

// Name is what the quirk is about: of two with the same name, one is in force.
func (a AppliedQuirk) Name() string {
	name, _, _ := strings.Cut(a.Quirk, ":")
	return strings.TrimSpace(name)
}

// Apply says which quirks are in force for a BMC, and why: those of the shipped table that
// match what is remembered of it, and those of the inventory, which win over a shipped one of
// the same name. Texts that are no quirks are left out.
func Apply(m Memory, inventory []AppliedQuirk) (Quirks, []AppliedQuirk) {
	var all []AppliedQuirk
	for _, a := range slices.Concat(Shipped(m), inventory) {
		if _, err := ParseQuirks([]string{a.Quirk}); err != nil {
			continue
		}
		all = slices.DeleteFunc(all, func(b AppliedQuirk) bool { return b.Name() == a.Name() })
		all = append(all, a)
	}
	texts := make([]string, 0, len(all))
	for _, a := range all {
		texts = append(texts, a.Quirk)
	}
	q, _ := ParseQuirks(texts) // each was read before
	return q, all
}

// OfInventory makes quirks of an inventory's texts, for Apply: first those for the BMC's
// vendor, then the host's own. A vendor is matched as the shipped table does it. at says
// where a setting stands ("bmc.quirks", "bmc.vendors.Dell"); nil: it isn't known.
func OfInventory(m Memory, vendors map[string][]string, own []string, at func(setting string) string) []AppliedQuirk {
	var out []AppliedQuirk
	add := func(setting string, texts []string) {
		source := "inventory"
		if at != nil {
			if place := at(setting); place != "" {
				source += ": " + place
			}
		}
		for _, text := range texts {
			out = append(out, AppliedQuirk{text, source})
		}
	}
	names := make([]string, 0, len(vendors))
	for name := range vendors {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if SameVendor(name, m.Vendor) {
			add("bmc.vendors."+name, vendors[name])
		}
	}
	add("bmc.quirks", own)
	return out
}

// ParseQuirks reads quirks as the inventory has them: no-readback, mode: never and so on.
func ParseQuirks(texts []string) (Quirks, error) {
	var q Quirks
	for _, text := range texts {
		name, value, _ := strings.Cut(text, ":")
		value = strings.TrimSpace(value)
		switch name {
		case "no-readback":
			q.NoReadback = true
		case "mode":
			if !slices.Contains([]string{"always", "never", "changed"}, value) {
				return q, fmt.Errorf("mode %q: always, never or changed is wanted", value)
			}
			q.Mode = value
		case "settings-object":
			q.SettingsObject = true
		case "uefi-disk-0x24":
			q.UEFIDisk24 = true
		case "no-efi-bit":
			q.NoEFIBit = true
		case "cycle":
			if value != "own" && value != "off-on" {
				return q, fmt.Errorf("cycle %q: off-on or own is wanted", value)
			}
			q.OwnCycle = value == "own"
		case "min-pause":
			d, err := time.ParseDuration(value)
			if err != nil || d < 0 || d > time.Minute {
				return q, fmt.Errorf("min-pause %q: a duration such as 5s is wanted, one minute at most", value)
			}
			q.MinPause = d
		default:
			return q, fmt.Errorf("there is no quirk %q", name)
		}
	}
	return q, nil
}
