package dhcp

import (
	"context"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// proxy answers a request on a network where another server assigns the addresses (PXE
// specification 2.1, section 2.2). A client that boots gets its boot options in an offer
// without an address. All other packets get no answer, and no NAK.
func (s *Server) proxy(ctx context.Context, snap *inventory.Snapshot, n *inventory.Network, req request, from netip.Addr) outcome {
	c := req.client
	v := s.proxyView(snap, n, c)
	switch req.message {
	case dhcpv4.MessageTypeDiscover:
		if !c.kind.Boots() {
			return c.unanswered("another server assigns the addresses here, and it doesn't boot from the network", nil)
		}
		s.noticeUnclaimed(v)
		// A first network boot arms the host's install here already, because the REQUEST
		// that follows goes to the other server.
		var ok bool
		if v.decision, ok = s.decide(ctx, snap, v); !ok {
			return c.unanswered("there is no decision about its boot: see the appliance's log", nil)
		}
		offer := v.proxyOffer(req)
		if offer == nil {
			return c.unanswered(v.decision.Why, nil)
		}
		if c.kind == boot.PXE {
			s.chained.Add(c.mac, s.Clock()) // its REQUEST may go to the other server alone
		}
		s.Log.Debug("dhcp: offering as a proxy", "mac", c.mac, "client", c.kind, "file", v.bootFile())
		return outcome{reply: offer.ToBytes(), to: proxyRoute(req), offers: true, note: note{verdict: "offered a boot file", why: v.decision.Why, client: c.kind.String()}}

	case dhcpv4.MessageTypeRequest:
		s.observe(ctx, snap, v, req, from)
	case dhcpv4.MessageTypeDecline:
		s.forgetObserved(ctx, v, req)
	}
	return c.unanswered("another server assigns the addresses here", nil)
}

// proxyView is the view for a proxy's reply. Its address is the host's address in the
// inventory: the other server's choice is unknown, and the boot file doesn't depend on it.
func (s *Server) proxyView(snap *inventory.Snapshot, n *inventory.Network, c client) view {
	v := s.view(snap, n, c)
	if v.decision.Host != nil {
		v.address = v.decision.Host.Address
	}
	return v
}
