// Package neighbour tells which machine stands behind an address: its hardware address,
// as this machine's kernel has it by ARP, and whether that is one of a host's. An address
// alone proves nothing: any machine on a link can take one.
package neighbour

import (
	"slices"

	"rackhand/inventory"
)

// A Found is where a peer is, and who it is there.
type Found struct {
	Link string // the interface that packets to it leave by
	// Away: no ARP tells who it is. It stands behind a router, or the link has no
	// hardware addresses.
	Away bool
	// Here: it is this machine itself.
	Here bool
	// MAC is where the kernel sends its packets; zero when no machine answers.
	MAC inventory.MAC
	// Confirmed: that machine has answered just now.
	Confirmed bool
}

// A Verdict is what is known of a peer that gives itself out as a host.
type Verdict int

// The verdicts.
const (
	Proved   Verdict = iota // it is one of the host's cards, on a link of ours
	Another                 // it is a card of another machine, on a link of ours
	Unproved                // nothing can be known: it isn't on a link of ours
	Silent                  // no machine has confirmed the address yet: ask again
)

// Judge says whether a peer is one of a host's cards. It is pure.
func Judge(f Found, macs []inventory.MAC) Verdict {
	switch {
	case f.Here:
		return Proved // programs on this machine need no proof
	case f.Away:
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
