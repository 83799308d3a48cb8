package audit

import "rackhand/provision"

// Kinds are all kinds of findings, worst first.
func Kinds() []provision.Finding {
	var out []provision.Finding
	for _, k := range kinds() {
		out = append(out, provision.Finding{Kind: k.name, Severity: k.severity, What: k.what})
	}
	return out
}
