package why

import (
	"fmt"
	"strings"

	"rackhand/provision"
)

// anotherCard finds that another card of the same box asks, and the inventory's is silent.
func anotherCard(s *story) *finding {
	b := s.boot()
	if b == nil || !s.hadTime() {
		return nil
	}
	e := otherCard(b.events)
	if e == nil {
		return nil
	}
	card, own := e.Fields["mac"], e.Fields["expected"]
	f := &finding{
		since:    b.bootBegan(),
		expected: s.asks(own + " asks for an address"),
		causes:   cause(fmt.Sprintf("The box boots from another card, %s, than the inventory says (%s): the two have the same UUID.", card, own)),
		evidence: []provision.Event{*e},
		remedy: provision.Remedy{
			// The host's secrets go to that MAC, and any machine on the link can send a UUID.
			Text:    fmt.Sprintf("If the box's console or label shows %s, give the host that MAC, or put the card with %s first in the firmware's boot order.", card, own),
			Command: fmt.Sprintf("rackhand set hosts.%s.mac %s", s.name(), strings.Join(s.macsWith(card), " ")),
		},
	}
	if by := e.Fields["by"]; by != "uuid" {
		seen := "the addresses of the two are neighbours"
		if by == "switch-port" {
			seen = "it asks at the same switch port"
		}
		f.causes = []provision.Cause{
			{
				Text:    fmt.Sprintf("The box boots from another card, %s, than the inventory says (%s): %s.", card, own, seen),
				Decider: fmt.Sprintf("If its console or its label shows %s, it is this box.", card),
			},
			{
				Text:    fmt.Sprintf("%s is another box, and nothing was heard of this one.", card),
				Decider: "If its console shows that it does not boot from the network, or its port has no link light, it is that.",
			},
		}
	}
	return f
}

// otherCard is the latest event about another card, of those with the best evidence; nil if no
// other card asked, or if the box itself was heard.
func otherCard(events []provision.Event) *provision.Event {
	rank := map[string]int{"uuid": 3, "switch-port": 2, "neighbouring-mac": 1}
	var best *provision.Event
	for i, e := range events {
		switch {
		case e.ByBox():
			return nil
		case is(e, "dhcp", "another-card") && (best == nil || rank[e.Fields["by"]] >= rank[best.Fields["by"]]):
			best = &events[i]
		}
	}
	return best
}

// macsWith are the host's MACs with another card's in place of a single one, or before
// several.
func (s *story) macsWith(card string) []string {
	macs := []string{card}
	if s.host != nil && len(s.host.MACs) > 1 {
		macs = append(macs, s.macs()...)
	}
	return macs
}
