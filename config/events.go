package config

import (
	"path/filepath"
	"strings"

	"rackhand/config/schema"
)

// Events is where the journal's events go too, for those who collect logs.
type Events struct {
	// File gets a line of JSON for each event; "" for none.
	File string
	// Syslog is udp:HOST:PORT, tcp:HOST:PORT or the path of a unix datagram socket; "" for none.
	Syslog string
}

// SyslogAt splits Syslog into a network and an address, as package net takes them.
func (e Events) SyslogAt() (network, address string) {
	if strings.HasPrefix(e.Syslog, "/") {
		return "unixgram", e.Syslog
	}
	network, address, _ = strings.Cut(e.Syslog, ":")
	return network, address
}

func (r *reader) eventsFields() schema.Fields {
	c := &r.config.Events
	return schema.Fields{
		"file": r.path("events.file", &c.File),
		"syslog": func(n schema.Node) {
			text, ok := n.Text("events.syslog")
			if !ok {
				return
			}
			if strings.HasPrefix(text, "/") && len(text) <= maxSocketPath {
				c.Syslog = filepath.Clean(text)
				return
			}
			network, at, _ := strings.Cut(text, ":")
			if network != "udp" && network != "tcp" || !hostPort(at) {
				n.Problem("write udp:192.0.2.9:514, tcp:192.0.2.9:601, or /dev/log", "events.syslog: %q is no place of a syslog server", text)
				return
			}
			c.Syslog = text
		},
	}
}
