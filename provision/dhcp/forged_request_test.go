package dhcp

import (
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestForgedObserved checks forged REQUESTs to another server. A client that takes an offer
// has no address yet (RFC 2131 section 4.1: its source is 0.0.0.0), and isn't its own
// relay. A sender that has the requested address already is a program on another machine,
// which may not even be able to forge frames.
func TestForgedObserved(t *testing.T) {
	const thief, other = "10.77.0.66", "10.77.0.67"
	for name, m := range map[string]*dhcpv4.DHCPv4{
		"on the link":                      requestMessage(web1, server(other), requested(thief)),
		"with its address as the relay's":  requestMessage(web1, server(other), requested(thief), relayed(thief)),
		"with the gateway as the relay":    requestMessage(web1, server(other), requested(thief), relayed("10.77.0.254")),
		"with ciaddr instead of option 50": requestMessage(web1, server(other), ciaddr(thief)),
	} {
		b := newProxy(t)
		b.Server.answer(t.Context(), datagram{payload: m.ToBytes(), from: netip.MustParseAddr(thief)})
		if l := b.lease(web1); l != nil {
			t.Errorf("%s: %s was taken to be web1's", name, l.Address)
		}
		// It must not displace the observed lease of web1 itself either.
		b.ask(requestMessage(web1, pxe, server(other), requested("10.77.0.130")))
		b.Server.answer(t.Context(), datagram{payload: m.ToBytes(), from: netip.MustParseAddr(thief)})
		if l := b.lease(web1); l == nil || l.Address != "10.77.0.130" {
			t.Errorf("%s: web1's own lease is now %+v", name, l)
		}
	}
}
