package why

import (
	"fmt"

	"rackhand/inventory"
	"rackhand/provision"
)

// offersLost finds that offers don't arrive at the box: it asks again and again, and takes
// none. Of one box it is rather its firmware, of several on a link the link (linkCauses).
func offersLost(s *story) *finding {
	b := s.boot()
	if b == nil || !s.hadTime() {
		return nil
	}
	asked := b.stopsAt(func(e provision.Event) bool {
		return is(e, "dhcp", "discover") && e.Level == provision.LevelWarn && e.Fields["offered"] != ""
	})
	if len(asked) == 0 {
		return nil
	}
	asks := asked[len(asked)-1]
	who := "Its firmware"
	switch {
	case asks.Fields["client"] == "other":
		who = "Its installer"
	case b.reached.Rank() >= provision.Bootfile.Rank():
		who = "Its boot program"
	}
	way := "The switch drops the offers to " + portText(asks) + " (DHCP snooping)"
	if relay := asks.Fields["relay"]; relay != "" {
		way += fmt.Sprintf(", or the relay %s does not pass them back", relay)
	}
	return &finding{
		since:    asked[0].Counted,
		expected: s.asks("it asks for the address that it was offered, " + asks.Fields["offered"]),
		causes: []provision.Cause{
			{
				Text:    fmt.Sprintf("%s does not take the offers of %s.", who, asks.Fields["offered"]),
				Decider: "If another box on this switch gets its address, it is this box: update its firmware, or let it boot in its other mode.",
			},
			{
				Text:    way + ".",
				Decider: "If no box on this switch gets its address, it is the switch or the relay.",
			},
		},
		evidence: firstAndLast(asked),
		remedy:   provision.Remedy{Text: "Boot another box at this switch, or this one at another port.", Command: "rackhand doctor"},
	}
}

// proxied reports whether another server gives the addresses of the host's network.
func (s *story) proxied() bool {
	return s.host != nil && s.host.Network != nil && s.host.Network.Mode() == inventory.DHCPProxy
}
