// Package neighbour finds the machine behind an address: its hardware address, as this
// machine's kernel has it by ARP, and whether it is one of a host's. An address alone
// proves nothing, since any machine on a link can use it.
package neighbour

import (
	"slices"

	"rackhand/inventory"
)

// A Found is what the kernel knows about a peer's address.
type Found struct {
	Link string // the interface that packets to it leave through
	// Routed: the peer is behind a router, or on a link without hardware addresses. ARP
	// can't identify it.
	Routed bool
	// Local: the address is this machine's own.
	Local bool
	// MAC is the hardware address that the kernel sends its packets to; zero when no
	// machine answers.
	MAC inventory.MAC
	// Confirmed: that machine has answered just now.
	Confirmed bool
}

// A Verdict is the result for a peer that claims to be a host.
type Verdict int

// The verdicts.
const (
	Proved   Verdict = iota // it is one of the host's cards, on a link of ours
	Another                 // it is a card of another machine, on a link of ours
	Unproved                // unknown, since it isn't on a link of ours
	Silent                  // no machine has confirmed the address yet: ask again
)

// Judge decides whether a peer is one of a host's cards. It is pure.
func Judge(f Found, macs []inventory.MAC) Verdict {
	switch {
	case f.Local:
		return Proved // programs on this machine need no proof
	case f.Routed:
		return Unproved
	case f.MAC == inventory.MAC{}:
		return Silent
	case !slices.Contains(macs, f.MAC):
		return Another
	case !f.Confirmed:
		return Silent
	}
	return Proved
}
