package inventory

import (
	"net/netip"
	"slices"

	"rackhand/config/schema"
)

// A snapshot that was loaded has an index. One that is written down as a literal,
// as tests do, hasn't: it may still be changed, and is searched.

// HostByMAC finds the host that owns a MAC, or nil.
func (s *Snapshot) HostByMAC(mac MAC) *Host {
	if s.index != nil {
		return s.index.byMAC[mac]
	}
	for _, h := range s.Hosts {
		if slices.Contains(h.MACs, mac) {
			return h
		}
	}
	return nil
}

// HostByAddress finds the host that an address is reserved for, or nil.
func (s *Snapshot) HostByAddress(addr netip.Addr) *Host {
	if s.index != nil {
		return s.index.byAddress[addr]
	}
	for _, h := range s.Hosts {
		if h.Address == addr {
			return h
		}
	}
	return nil
}

// HostByBMC finds the host whose BMC has a port of this MAC, or nil. The host itself
// has other MACs, and nothing that its BMC does is the host's doing.
func (s *Snapshot) HostByBMC(mac MAC) *Host {
	if s.index != nil {
		return s.index.byBMC[mac]
	}
	for _, h := range s.Hosts {
		if h.BMC != nil && h.BMC.MAC == mac && mac != (MAC{}) {
			return h
		}
	}
	return nil
}

// IsBMC reports whether an address belongs to some host's BMC.
func (s *Snapshot) IsBMC(addr netip.Addr) bool {
	if s.index != nil {
		return s.index.bmcs[addr]
	}
	for _, h := range s.Hosts {
		if h.BMC != nil && h.BMC.Address.Addr() == addr {
			return true
		}
	}
	return false
}

// NetworkOf finds the network that an address lies in, or nil. Where networks
// overlap, which those of a loaded snapshot don't, it is the smallest.
func (s *Snapshot) NetworkOf(addr netip.Addr) *Network {
	if s.index != nil {
		return s.index.networkOf(addr)
	}
	var found *Network
	for _, n := range s.Networks {
		if n.Subnet.Contains(addr) && (found == nil || n.Subnet.Bits() > found.Subnet.Bits()) {
			found = n
		}
	}
	return found
}

// File is the text of one of the inventory's files, for problems that are found elsewhere; nil
// for an unknown name.
func (s *Snapshot) File(name string) *schema.File { return s.files[name] }

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
