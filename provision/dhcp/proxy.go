package dhcp

import (
	"context"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// proxy answers a request on a network where another server gives the addresses
// (PXE specification 2.1, section 2.2): a client that boots gets its boot options,
// in an offer without an address. Nobody else is answered, and nothing is refused.
func (s *Server) proxy(ctx context.Context, snap *inventory.Snapshot, n *inventory.Network, req request, from netip.Addr) outcome {
	c := req.client
	v := s.proxyView(snap, n, c)
	switch req.message {
	case dhcpv4.MessageTypeDiscover:
		if !c.kind.Boots() {
			return outcome{} // beside us live machines that are none of our business
		}
		s.noticeUnclaimed(v)
		// A first network boot arms the host's install here already: the REQUEST that
		// follows goes to the other server.
		var ok bool
		if v.decision, ok = s.decide(ctx, v); !ok {
			return outcome{}
		}
		offer := v.proxyOffer(req)
		if offer == nil {
			return outcome{}
		}
		if c.kind == boot.PXE {
			s.chained.add(c.mac, s.Clock()) // its REQUEST may go past us, to the other server alone
		}
		s.Log.Debug("dhcp: offering as a proxy", "mac", c.mac, "client", c.kind, "file", v.bootFile())
		return outcome{reply: offer.ToBytes(), to: proxyRoute(req)}

	case dhcpv4.MessageTypeRequest:
		s.observe(ctx, snap, v, req, from)
	case dhcpv4.MessageTypeDecline:
		s.forgetObserved(ctx, v, req)
	}
	return outcome{}
}

// proxyView is what a proxy's reply depends on. Its address is that of the
// inventory, for a host: we don't know which one the other server gives, and what
// a host boots doesn't hang on it.
func (s *Server) proxyView(snap *inventory.Snapshot, n *inventory.Network, c client) view {
	v := s.view(snap, n, c)
	if v.decision.Host != nil {
		v.address = v.decision.Host.Address
	}
	return v
}
