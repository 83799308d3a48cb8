package config

import (
	"fmt"
	"net/netip"

	"rackhand/config/schema"
)

// A used is a port and what it is for. The settings' own come with their names.
type used struct {
	network string // tcp or udp
	port    uint16
	what    string
	setting string // "" for a port that can't be changed
}

// checkPorts looks for ports that two things of ours would open: the second would blame
// the first, which is ourselves.
func (r *reader) checkPorts() {
	c := r.config
	all := []used{
		{"tcp", 514, "syslog", ""},
		{"udp", 514, "syslog", ""},
		{"udp", 67, "DHCP", ""},
		{"udp", 4011, "proxyDHCP", ""},
		{"udp", c.TFTP, "tftp", "tftp"},
		{"tcp", c.HTTP, "http", "http"},
		{"tcp", c.Agents, "agents", "agents"},
	}
	if at, err := netip.ParseAddrPort(c.Page.Listen); err == nil && (at.Addr().IsUnspecified() || at.Addr() == c.Address) {
		all = append(all, used{"tcp", at.Port(), "page.listen", "page.listen"})
	}
	if at, err := netip.ParseAddrPort(c.Metrics.Listen); err == nil && (at.Addr().IsUnspecified() || at.Addr() == c.Address) {
		all = append(all, used{"tcp", at.Port(), "metrics.listen", "metrics.listen"})
	} else if c.Metrics.Listen != "" && c.Metrics.Listen == c.Page.Listen {
		r.given["metrics.listen"].Problem("leave metrics.listen out: the page's listener has /metrics", "metrics.listen and page.listen are both %s", c.Page.Listen)
	}
	for i, second := range all {
		for _, first := range all[:i] {
			if first.network != second.network || first.port != second.port {
				continue
			}
			at, ok := r.given[second.setting]
			if !ok {
				at, ok = r.given[first.setting]
			}
			text := fmt.Sprintf("%s and %s can't share the %s port %d", first.what, second.what, upper(first.network), first.port)
			if ok {
				at.Problem("give each a port of its own", "%s", text)
			}
		}
	}
}

func upper(network string) string {
	if network == "tcp" {
		return "TCP"
	}
	return "UDP"
}

// keep notes where a key stands that is looked at again in check.
func (r *reader) keep(what string, read func(schema.Node)) func(schema.Node) {
	return func(n schema.Node) {
		r.given[what] = n
		read(n)
	}
}
