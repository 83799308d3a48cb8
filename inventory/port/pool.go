package port

import (
	"net/netip"
	"slices"

	"rackhand/inventory"
)

// A pool gives out the free addresses of a network: those behind the last one that
// a host has, and then, once, those from its beginning. The appliance itself has
// often the first.
type pool struct {
	network *inventory.Network
	taken   map[netip.Addr]bool
	next    netip.Addr
	wrapped bool
}

func newPool(s *inventory.Snapshot, n *inventory.Network, rows []Row) *pool {
	p := &pool{network: n, taken: map[netip.Addr]bool{}, next: n.Subnet.Addr().Next()}
	host := func(a netip.Addr) {
		p.taken[a] = true
		if n.Subnet.Contains(a) && p.next.Compare(a) <= 0 && !n.Leases.Contains(a) {
			p.next = a.Next()
		}
	}
	for _, h := range s.Hosts {
		host(h.Address)
		if h.BMC != nil {
			p.taken[h.BMC.Address.Addr()] = true
		}
	}
	for _, r := range rows {
		if a, err := netip.ParseAddr(r.Cells["address"]); err == nil {
			host(a)
		}
		if a, err := netip.ParseAddr(r.Cells["bmc"]); err == nil {
			p.taken[a] = true
		} else if ap, err := netip.ParseAddrPort(r.Cells["bmc"]); err == nil {
			p.taken[ap.Addr()] = true
		}
	}
	for _, other := range s.Networks {
		p.taken[other.Gateway] = true
		for _, a := range slices.Concat(other.DNS, other.NTP) {
			p.taken[a] = true
		}
		for _, r := range other.Routes {
			p.taken[r.Via] = true
		}
	}
	return p
}

// take gives the next free address; the zero Addr when none is left.
func (p *pool) take() netip.Addr {
	for {
		// The last address of the subnet is its broadcast address.
		for ; p.network.Subnet.Contains(p.next) && p.network.Subnet.Contains(p.next.Next()); p.next = p.next.Next() {
			if !p.taken[p.next] && !p.network.Leases.Contains(p.next) {
				p.taken[p.next] = true
				return p.next
			}
		}
		if p.wrapped {
			return netip.Addr{}
		}
		p.wrapped, p.next = true, p.network.Subnet.Addr().Next()
	}
}
