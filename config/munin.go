package config

import (
	"net"
	"net/netip"

	"rackhand/config/schema"
)

// Munin is where the appliance answers a Munin master.
type Munin struct {
	Listen string // host:port; "" for nowhere
	// Allow are the masters' addresses. Without any, only this machine may ask.
	Allow []netip.Prefix
}

func (r *reader) muninFields() schema.Fields {
	return schema.Fields{
		"listen": r.keep("munin.listen", func(n schema.Node) {
			r.listener(n, "munin.listen", "write 192.0.2.1:4949", false, &r.config.Munin.Listen)
		}),
		"allow": func(n schema.Node) {
			r.config.Munin.Allow = append(r.config.Munin.Allow, networks(n, "munin.allow")...)
		},
	}
}

// networks reads a list of networks or addresses.
func networks(n schema.Node, what string) (all []netip.Prefix) {
	items, _ := n.List(what)
	for _, item := range items {
		text, ok := item.Text(what)
		if !ok {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if addr, one := netip.ParseAddr(text); one == nil {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			item.Problem("write a network such as 192.0.2.0/24, or one address", "%s: %q is not a network", what, text)
			continue
		}
		all = append(all, p.Masked())
	}
	return all
}

// portOf is the TCP port of a listener that takes one on an address of boxes, and whether it
// does: on all addresses, or on the appliance's own.
func portOf(listen string, own netip.Addr) (uint16, bool) {
	host, _, err := net.SplitHostPort(listen)
	if err == nil && host == "" {
		listen = "0.0.0.0" + listen
	}
	at, err := netip.ParseAddrPort(listen)
	return at.Port(), err == nil && (at.Addr().IsUnspecified() || at.Addr() == own)
}
