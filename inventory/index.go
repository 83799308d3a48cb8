package inventory

import (
	"net/netip"
	"slices"
)

// An index answers the lookups that every packet needs, in a time that doesn't
// grow with the inventory. It is made with the snapshot and never changes.
type index struct {
	byMAC     map[MAC]*Host
	byAddress map[netip.Addr]*Host
	byBMC     map[MAC]*Host
	bmcs      map[netip.Addr]bool // the addresses of all BMCs
	// networks are sorted by address. They don't overlap: the load saw to it.
	networks []*Network
}

func newIndex(s *Snapshot) *index {
	x := &index{
		byMAC:     make(map[MAC]*Host, len(s.Hosts)),
		byAddress: make(map[netip.Addr]*Host, len(s.Hosts)),
		byBMC:     make(map[MAC]*Host),
		bmcs:      make(map[netip.Addr]bool),
		networks:  make([]*Network, 0, len(s.Networks)),
	}
	for _, h := range s.Hosts {
		x.byAddress[h.Address] = h
		for _, mac := range h.MACs {
			x.byMAC[mac] = h
		}
		if h.BMC != nil {
			x.bmcs[h.BMC.Address.Addr()] = true
			if h.BMC.MAC != (MAC{}) {
				x.byBMC[h.BMC.MAC] = h
			}
		}
	}
	for _, n := range s.Networks {
		x.networks = append(x.networks, n)
	}
	slices.SortFunc(x.networks, func(a, b *Network) int { return a.Subnet.Addr().Compare(b.Subnet.Addr()) })
	return x
}

// networkOf finds the last network that begins at an address or before it: no
// other one can hold it.
func (x *index) networkOf(addr netip.Addr) *Network {
	i, found := slices.BinarySearchFunc(x.networks, addr, func(n *Network, a netip.Addr) int { return n.Subnet.Addr().Compare(a) })
	if !found {
		i--
	}
	if i < 0 || !x.networks[i].Subnet.Contains(addr) {
		return nil
	}
	return x.networks[i]
}
