package boots

import (
	"slices"
	"strings"

	"rackhand/inventory"
)

// neighbours is how far the last bytes of two cards of one box are apart at most: boards
// carry up to eight cards with consecutive addresses.
const neighbours = 7

// A Host is a host whose box is expected to boot, and was not heard yet.
type Host struct {
	Name string
	MACs []inventory.MAC
	// UUIDs and Ports are known from its leases.
	UUIDs []string
	Ports []Port
}

// A Port is a switch port, as relay agents name it (RFC 3046).
type Port struct{ Relay, Circuit, Remote string }

// A Card is a card outside the inventory, as it asks for an address.
type Card struct {
	MAC  inventory.MAC
	UUID string // option 97; "" unknown
	Port Port
}

// Evidence says why a card probably is in a host's box.
type Evidence string

// The evidence, the strongest first.
const (
	SameUUID        Evidence = "uuid"
	SamePort        Evidence = "switch-port"
	NeighbouringMAC Evidence = "neighbouring-mac"
)

// Relative finds the expected host whose box probably has this card. The strongest evidence
// that fits any host counts, and it must fit one host only; "" otherwise. Two UUIDs that
// differ are two boxes, whatever else fits.
func Relative(c Card, expected []Host) (host Host, by Evidence) {
	for _, e := range []Evidence{SameUUID, SamePort, NeighbouringMAC} {
		found := 0
		for _, h := range expected {
			if fits(c, h, e) {
				host = h
				found++
			}
		}
		switch {
		case found == 1:
			return host, e
		case found > 1:
			return Host{}, ""
		}
	}
	return Host{}, ""
}

func fits(c Card, h Host, e Evidence) bool {
	known := identifies(c.UUID) && len(h.UUIDs) > 0
	same := known && slices.Contains(h.UUIDs, c.UUID)
	switch {
	case known && !same:
		return false
	case e == SameUUID:
		return same
	case e == SamePort:
		return c.Port.Circuit != "" && slices.Contains(h.Ports, c.Port)
	}
	return slices.ContainsFunc(h.MACs, func(m inventory.MAC) bool { return neighbouring(m, c.MAC) })
}

// Identify adds the UUIDs and switch ports of hosts as the leases of their cards show them.
// cards are those of all hosts, by name: what several hosts have identifies none of them.
func Identify(hosts []Host, cards map[string][]Card) {
	uuids, ports := map[string]string{}, map[Port]string{}
	for name, of := range cards {
		for _, c := range of {
			own(uuids, c.UUID, name)
			own(ports, c.Port, name)
		}
	}
	for i := range hosts {
		h := &hosts[i]
		for _, c := range cards[h.Name] {
			if identifies(c.UUID) && uuids[c.UUID] == h.Name {
				h.UUIDs = append(h.UUIDs, c.UUID)
			}
			if ports[c.Port] == h.Name {
				h.Ports = append(h.Ports, c.Port)
			}
		}
	}
}

// own notes the host that has a thing; "" once a second one has it.
func own[K comparable](owners map[K]string, thing K, host string) {
	if other, taken := owners[thing]; taken && other != host {
		host = ""
	}
	owners[thing] = host
}

// identifies reports whether a UUID can tell one box from others. Boards whose maker sets
// none send all ones, or one that is the same on all of them.
func identifies(uuid string) bool {
	return strings.Trim(uuid, "f-") != "" && uuid != "03000200-0400-0500-0006-000700080009"
}

// neighbouring reports whether two addresses are of one block: their first five bytes are
// the same, and their last ones differ by at most neighbours.
func neighbouring(a, b inventory.MAC) bool {
	d := int(a[5]) - int(b[5])
	return a != b && [5]byte(a[:5]) == [5]byte(b[:5]) && d <= neighbours && -d <= neighbours
}
