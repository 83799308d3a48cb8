package config

import "rackhand/config/schema"

func (r *reader) limitsFields() schema.Fields {
	c := &r.config.Limits
	return schema.Fields{
		"report":  bytesOf("limits.report", &c.Report, 64<<10, 16<<20),
		"reports": count("limits.reports", &c.Reports, 1, 3600),
		"events":  count("limits.events", &c.Events, 100, 100000),
	}
}

func (r *reader) keepFields() schema.Fields {
	c := &r.config.Keep
	return schema.Fields{
		"days":        count("keep.days", &c.Days, 1, 3650),
		"events":      count("keep.events", &c.Events, 100, 1000000),
		"size":        bytesOf("keep.size", &c.Size, 16<<20, 64<<30),
		"reports":     count("keep.reports", &c.Reports, 2, 1000),
		"report_days": count("keep.report_days", &c.ReportDays, 1, 3650),
	}
}

func count(what string, to *int, low, high int) func(schema.Node) {
	return func(n schema.Node) {
		if i, ok := n.Int(what, low, high); ok {
			*to = i
		}
	}
}

// bytesOf reads a size in bytes.
func bytesOf(what string, to *int64, low, high int64) func(schema.Node) {
	return func(n schema.Node) {
		text, ok := n.Text(what)
		if !ok {
			return
		}
		size, ok := parseBytes(text)
		if !ok || size < low || size > high {
			n.Problem("write a whole number with its unit: 512KiB, 2MiB, 1GiB", "%s must be a size from %s to %s, not %q", what, plainBytes(low), plainBytes(high), text)
			return
		}
		*to = size
	}
}
