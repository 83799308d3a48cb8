package config

import "rackhand/config/schema"

// Metrics is where Prometheus reads how the appliance does.
type Metrics struct {
	// Listen is host:port or unix:/path; "" for the page's listener alone, if that is on
	// loopback or a unix socket.
	Listen string
}

func (r *reader) metricsFields() schema.Fields {
	return schema.Fields{"listen": r.keep("metrics.listen", func(n schema.Node) {
		r.listener(n, "metrics.listen", "write 192.0.2.1:9150 or unix:/path", true, &r.config.Metrics.Listen)
	})}
}
