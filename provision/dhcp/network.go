package dhcp

import (
	"net/netip"

	"rackhand/inventory"
)

// A datagram is a packet with what the wire tells of it.
type datagram struct {
	payload []byte
	from    netip.Addr // its source address; invalid when unknown
	unicast bool       // it was sent to our own address, not to everyone
	tries   int        // how many addresses were found taken for it already
}

// network is the inventory's network that a request came from: what its relay says
// (RFC 3527), that of the relay, or of our own address. A relay of nowhere could be
// anybody's address to send packets to, and gets none.
//
// away says that the client renews from another network without its relay, as it
// must (RFC 2131 section 4.4.5): then ciaddr tells the network, once the packet
// really comes from there to us. A broadcast doesn't count: that client stands on
// our link, with an address that is of no use there.
func (s *Server) network(snap *inventory.Snapshot, req request, d datagram) (n *inventory.Network, away bool) {
	if snap == nil {
		return nil, false
	}
	relay, link := req.client.relay, s.ServerAddr
	switch {
	case relay.link.IsValid():
		link = relay.link
	case relay.addr.IsValid():
		link = relay.addr
	case req.ciaddr.IsValid() && req.ciaddr == d.from && d.unicast:
		own := snap.NetworkOf(s.ServerAddr)
		if away = own == nil || !own.Subnet.Contains(req.ciaddr); away {
			link = req.ciaddr
		}
	}
	n = snap.NetworkOf(link)
	if n == nil || !n.Subnet.Addr().Is4() {
		return nil, false
	}
	return n, away
}

// mayServe reports whether we may be authoritative on a network now, and logs why
// not, once a minute.
func (s *Server) mayServe(n *inventory.Network) bool {
	if s.MayServe == nil {
		return true
	}
	err := s.MayServe(n)
	if err != nil && s.logs.Allow("may not serve "+n.Name, s.Clock()) {
		s.Log.Warn("dhcp: nobody is answered", "network", n.Name, "interface", s.Interface, "why", err)
	}
	return err == nil
}
