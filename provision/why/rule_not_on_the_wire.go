package why

import (
	"fmt"
	"slices"

	"rackhand/provision"
)

// notOnTheWire finds that nothing was heard of a box that was powered on: not even of a card
// that is probably in it.
func notOnTheWire(s *story) *finding {
	b := s.boot()
	if b == nil || b.power == nil || s.in.Stage.Rank() >= provision.Installed.Rank() || !s.hadTime() {
		return nil
	}
	for _, e := range b.events {
		if e.ByBox() || e.Kind == "another-card" || is(e, "bmc", "power-off") {
			return nil
		}
	}
	card := "its card"
	if s.host != nil && len(s.host.MACs) > 0 {
		card = s.host.MACs[0].String()
	}
	f := &finding{
		since:    b.began,
		expected: s.asks("its firmware asks for an address"),
		causes: []provision.Cause{
			{
				Text:    "Its cable, its switch port or the port's VLAN does not carry it to the appliance.",
				Decider: fmt.Sprintf("If the port has no link light, or the switch has not learned %s, it is one of these.", card),
			},
			{
				Text:    "It does not boot from the network: the BMC took the boot override and ignored it.",
				Decider: "If its console shows a system or a firmware menu, it is the boot order.",
			},
		},
		evidence: []provision.Event{*b.power},
		remedy: provision.Remedy{
			Text: fmt.Sprintf("Look at the link light of the port, then at the console; compare %s with the MAC of the port that it boots from.", card),
		},
	}
	if i := slices.IndexFunc(s.events, provision.Event.ByBox); i >= 0 { // its cable was good before
		slices.Reverse(f.causes)
		f.evidence = append(f.evidence, s.events[i])
	} else if e := s.logged(); e != nil && e.Fields["progress"] == "disk" { // so its BMC says
		slices.Reverse(f.causes)
	}
	return f
}
