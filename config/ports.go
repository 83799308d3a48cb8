package config

import (
	"fmt"

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
	for _, own := range []struct{ setting, listen string }{{"page.listen", c.Page.Listen}, {"metrics.listen", c.Metrics.Listen}, {"munin.listen", c.Munin.Listen}} {
		if port, takes := portOf(own.listen, c.Address); takes {
			all = append(all, used{"tcp", port, own.setting, own.setting})
		}
	}
	for _, pair := range [][2]string{{c.Metrics.Listen, "metrics.listen"}, {c.Munin.Listen, "munin.listen"}} {
		if _, takes := portOf(pair[0], c.Address); !takes && pair[0] != "" && pair[0] == c.Page.Listen {
			r.given[pair[1]].Problem("give each a port of its own; /metrics is on the page's too", "%s and page.listen are both %s", pair[1], pair[0])
		}
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
