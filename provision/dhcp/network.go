package dhcp

import (
	"net/netip"

	"rackhand/inventory"
)

// A datagram is a packet with what the socket says about it.
type datagram struct {
	payload []byte
	from    netip.Addr // its source address; invalid when unknown
	unicast bool       // it was sent to our own address, not broadcast
	tries   int        // how many offered addresses turned out to be in use already
}

// network is the inventory's network that a request came from: the one that its relay names
// (RFC 3527), that of the relay, or that of our own address. A relay outside all networks
// gets no answer: its address could be any machine's.
// away means that the client renews from another network without its relay, as it must (RFC
// 2131 section 4.4.5). Then ciaddr selects the network, but only if the packet came from
// that address to ours. A broadcast doesn't count: that client is on our link, where such
// an address is useless.
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

// mayServe returns why we may not be authoritative on a network now; nil when we may. It logs
// the reason, once a minute.
func (s *Server) mayServe(n *inventory.Network) error {
	if s.MayServe == nil {
		return nil
	}
	err := s.MayServe(n)
	if err != nil && s.logs.Allow("may not serve "+n.Name, s.Clock()) {
		s.Log.Warn("dhcp: no client of the network is answered", "network", n.Name, "interface", s.Interface, "why", err)
	}
	return err
}
