package inventory

import (
	"net/netip"
	"slices"
)

// HostByMAC finds the host that owns a MAC, or nil.
func (s *Snapshot) HostByMAC(mac MAC) *Host {
	for _, h := range s.Hosts {
		if slices.Contains(h.MACs, mac) {
			return h
		}
	}
	return nil
}

// HostByAddress finds the host that an address is reserved for, or nil.
func (s *Snapshot) HostByAddress(addr netip.Addr) *Host {
	for _, h := range s.Hosts {
		if h.Address == addr {
			return h
		}
	}
	return nil
}

// NetworkOf finds the network that an address lies in, or nil.
func (s *Snapshot) NetworkOf(addr netip.Addr) *Network {
	for _, n := range s.Networks {
		if n.Subnet.Contains(addr) {
			return n
		}
	}
	return nil
}

// HostNames lists the hosts in order.
func (s *Snapshot) HostNames() []string {
	names := make([]string, 0, len(s.Hosts))
	for name := range s.Hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Contains reports whether an address lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return r.First.IsValid() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}
