package why

import (
	"fmt"

	"rackhand/provision"
)

// overrideIgnored finds that the box was powered on to boot from the network, and that a
// system came up on it: a plain client asked for an address, and no firmware did before. The
// BMC was asked for its override then (boot-override): what it says tells who lost it.
func overrideIgnored(s *story) *finding {
	b := s.boot()
	if b == nil || b.power == nil || b.power.Kind == "revive" || s.in.Stage.Rank() >= provision.Addressed.Rank() || s.now.Sub(b.began) < firmwarePatience {
		return nil
	}
	var plain *provision.Event
	for i, e := range b.events {
		if e.Source != "dhcp" || !e.ByBox() {
			continue
		}
		if e.Fields["client"] != "other" {
			return nil // firmware asked
		}
		if plain == nil && is(e, "dhcp", "ack", "observed") {
			plain = &b.events[i]
		}
	}
	if plain == nil {
		return nil
	}
	f := &finding{
		since:    plain.Counted,
		causes:   cause("The box ignored the BMC's boot override and started the system on its disk: a plain client has its lease, and its firmware asked for nothing."),
		evidence: []provision.Event{*b.power, *plain},
		remedy: provision.Remedy{
			Text:    "Put the network card first in the boot order of its firmware setup, or choose network boot on its console (often F12). Then restart it.",
			Command: s.powerCycle(),
		},
	}
	if seen := latest(b.events, "bmc", "boot-override"); seen != nil && seen.Fields["why"] == "" {
		s.overrideSeen(f, b.power, seen)
	} else if lost := b.power.Fields["lost"]; lost != "" {
		f.causes[0].Text += fmt.Sprintf(" The BMC had kept the override without: %s.", lost)
	}
	return f
}

// overrideSeen refines the finding by what the BMC says of the override after the boot.
func (s *story) overrideSeen(f *finding, power, seen *provision.Event) {
	f.evidence = append(f.evidence, *seen)
	device, valid := seen.Fields["boot"], seen.Fields["valid"] == "true"
	began := "A plain client has its lease, and its firmware asked for nothing."
	switch {
	case device == "pxe" && valid:
		f.causes = cause("The firmware did not look at the BMC's boot override, which is still set, and started the system on its disk. " + began)
		if seen.Fields["efi"] == "false" || power.Fields["lost"] != "" {
			f.causes = append(cause("The override is for the other firmware mode: the BMC keeps it without UEFI, and the box boots by UEFI. "+began), provision.Cause{
				Text: "The firmware does not look at the BMC's boot override.", Decider: "If its firmware setup says legacy, or BIOS, it is not the mode.",
			})
			f.causes[0].Decider = "If its firmware setup says UEFI, it is the mode."
		}
	case device == "none" || device == "" || !valid:
		f.causes = []provision.Cause{
			{Text: "The box took the override, which is spent, and its network boot failed at once: it is switched off for the card or in the firmware setup. " + began, Decider: "If its console shows a try to boot from the network, it is the card or its cable."},
			{Text: "The BMC lost the override before the box looked at it.", Decider: "If its console goes straight to the disk, it is the BMC: update its firmware."},
		}
		f.remedy.Text = "Watch its console at a restart. Switch network boot (PXE) on for the card in its firmware setup, and put the card first in the boot order."
	default:
		f.causes = cause(fmt.Sprintf("The BMC has another boot device than the one that was set: %s instead of pxe. Another tool has set it since, or the BMC went back to it. %s", short(device), began))
		f.remedy.Text = "Look which other tool sets the boot device of this box, and update the BMC's firmware. Otherwise put the network card first in the boot order of its firmware setup. Then restart it."
	}
}
