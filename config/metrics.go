package config

import (
	"strings"

	"rackhand/config/schema"
)

// Metrics is where Prometheus reads how the appliance does.
type Metrics struct {
	// Listen is host:port or unix:/path; "" for the page's listener alone, if that is on
	// loopback or a unix socket.
	Listen string
}

func (r *reader) metricsFields() schema.Fields {
	return schema.Fields{"listen": r.keep("metrics.listen", func(n schema.Node) {
		text, ok := n.Text("metrics.listen")
		if !ok {
			return
		}
		if path, unix := strings.CutPrefix(text, "unix:"); unix {
			r.unixPath(n, "metrics.listen", path, &r.config.Metrics.Listen)
			return
		}
		if !hostPort(text) {
			n.Problem("write 192.0.2.1:9150 or unix:/path", "metrics.listen must be host:port, not %q", text)
			return
		}
		r.config.Metrics.Listen = text
	})}
}
