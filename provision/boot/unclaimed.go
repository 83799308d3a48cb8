package boot

import (
	"fmt"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// Unclaimed is what is known about a box outside the inventory.
type Unclaimed struct {
	Network *inventory.Network // where it asks; nil: unknown
	Ran     bool               // it has a system of its own (provision.Lease)
	Waited  time.Duration      // since its boot program asked for an address; 0 before
}

// Left is how long the box still waits.
func (u Unclaimed) Left() time.Duration { return u.Network.UnclaimedWait - u.Waited }

// Decide decides what the box gets: an address and nothing to boot; or, on a network with
// unclaimed.wait, a boot program that waits until the box is claimed.
//
// A box that has a system of its own isn't held up: it may be in use, and its disk boots
// something. A box without one waits again at each network boot, since its disk boots nothing
// and its firmware only tries again.
func (u Unclaimed) Decide(snap *inventory.Snapshot, req Request) Decision {
	d := Decision{Action: Nothing}
	unknown := fmt.Sprintf("%s is not in the inventory: ", req.MAC)
	n := u.Network
	switch {
	case n == nil || n.UnclaimedWait <= 0 || n.Mode() != inventory.DHCPAuthoritative,
		!req.Client.Boots() || req.Client == GRUB, snap.HostByBMC(req.MAC) != nil:
		d.Why = unknown + "it gets an address and nothing to boot"
		return d
	case req.Arch.Processor() != inventory.ArchAMD64:
		d.Why = fmt.Sprintf("%sno boot program waits on %s, so it gets an address and nothing to boot", unknown, req.Arch)
		return d
	case req.Client == HTTPBoot && !req.Arch.UEFI():
		d.Why = fmt.Sprintf("%sthere is no boot program for HTTP boot on %s", unknown, req.Arch)
		return d
	case u.Ran:
		d.Why = unknown + "it has a system of its own, so it doesn't wait to be claimed"
		return d
	case u.Waited >= n.UnclaimedWait:
		d.Action = Disk
		d.Why = fmt.Sprintf("%sit has waited %s to be claimed, and boots its own disk", unknown, provision.Span(n.UnclaimedWait))
		return d
	}
	d.Action, d.Why = Wait, unknown+"it waits at its boot program to be claimed"
	if req.Client == IPXE {
		d.Script = true // the card's own iPXE too: the host's boot.program isn't known yet
		return d
	}
	d.Program = ProgramFor(req.Arch)
	return d
}
