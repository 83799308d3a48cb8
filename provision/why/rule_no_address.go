package why

import (
	"fmt"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
)

// noAddress finds that the box asks and is offered no address: the appliance has none for
// it, doesn't serve its network, or is a proxy beside a server that gives it none.
func noAddress(s *story) *finding {
	b := s.boot()
	if b == nil || !s.hadTime() {
		return nil
	}
	asked := b.stopsAt(func(e provision.Event) bool {
		return is(e, "dhcp", "discover") && (!s.proxied() || e.Level == provision.LevelWarn)
	})
	if len(asked) == 0 || asked[len(asked)-1].Fields["offered"] != "" {
		return nil
	}
	f := &finding{since: asked[0].Counted, expected: s.asks("it is offered an address"), evidence: firstAndLast(asked)}
	if e := latest(b.events, "dhcp", "wrong-network", "our-address"); e != nil {
		f.causes = cause(sentence(e.Message))
		f.remedy = provision.Remedy{Text: "Correct its address in the inventory, or move its cable.", Command: "rackhand explain " + s.name()}
		f.evidence = append(f.evidence, *e)
		return f
	}
	s.noServer(f, asked[len(asked)-1])
	return f
}

// noServer says why no server gives the box an address.
func (s *story) noServer(f *finding, asks provision.Event) {
	network := &inventory.Network{Name: "?"}
	if s.host != nil && s.host.Network != nil {
		network = s.host.Network
	}
	relay, _ := netip.ParseAddr(asks.Fields["relay"])
	seen := s.notServed(network.Name)
	f.remedy = provision.Remedy{Text: "Look at the link.", Command: "rackhand doctor"}
	switch {
	case s.proxied():
		f.causes = []provision.Cause{
			{Text: fmt.Sprintf("The DHCP server of network %s gives it no address.", network.Name), Decider: "If no other box gets one either, that server is off or its range is full."},
			{Text: "That server's offers do not arrive at the box.", Decider: "If the server's log shows offers to it, they are lost on the way."},
		}
		f.remedy.Text = "Look at the log of that server."
	case relay.IsValid() && network.Subnet.IsValid() && !network.Subnet.Contains(relay):
		f.causes = cause(fmt.Sprintf("It asks through the relay %s, which is in no network that the appliance serves: its cable is in another network than %s, or the inventory lacks that one.", relay, network.Name))
		f.remedy.Text = "Move the cable, or add the relay's network to the inventory."
	case network.Mode() == inventory.DHCPOff:
		f.causes = cause(fmt.Sprintf("The appliance gives no address: network %s has `dhcp: off`.", network.Name))
		f.remedy = provision.Remedy{Text: "Have the appliance serve it.", Command: fmt.Sprintf("rackhand set networks.%s.dhcp authoritative", network.Name)}
	case seen != nil:
		f.causes = cause(sentence(fmt.Sprintf("The appliance does not serve network %s: %s", network.Name, seen.Message)))
		f.remedy.Text = "Do what `rackhand doctor` says."
		f.evidence = append(f.evidence, *seen)
	default:
		f.causes = cause(fmt.Sprintf("The appliance has no address for it in network %s, or does not serve that network.", network.Name))
	}
}

// notServed is the event by which the appliance said that it doesn't serve a network, and
// that was not taken back; nil for none.
func (s *story) notServed(network string) *provision.Event {
	var seen *provision.Event
	for i, l := range s.links {
		if l.Fields["network"] != network || !is(l, "dhcp", "other-dhcp", "dhcp-clear") {
			continue
		}
		if seen = nil; l.Kind == "other-dhcp" && l.Level == provision.LevelError {
			seen = &s.links[i]
		}
	}
	return seen
}

// addressTaken finds that another machine uses the box's address, and that the box has not
// got on since: it declined the address, or the appliance found the machine there.
func addressTaken(s *story) *finding {
	if !s.hadTime() || s.failedByBox() {
		return nil
	}
	e := s.standing(func(e provision.Event) bool { return is(e, "dhcp", "decline", "conflict", "address-claimed") })
	if b := s.boot(); e == nil || b == nil || b.reached == "" {
		return nil
	}
	f := &finding{since: e.Counted, causes: cause(sentence(e.Message)), evidence: []provision.Event{*e}}
	f.remedy = provision.Remedy{Text: "Find the other machine by its hardware address at the switch, or give this host another address.", Command: "rackhand explain " + s.name()}
	if e.Kind == "address-claimed" {
		f.remedy = provision.Remedy{Text: "Pull the cable of the host's other card, and boot the box again.", Command: s.powerCycle()}
	}
	return f
}
