package role

import "rackhand/inventory/role/kind"

// spec is what a field takes.
type spec = kind.Spec

func httpFields() map[string]spec {
	return map[string]spec{
		"port":     {Type: kind.Number, Low: 1, High: 65535},
		"path":     {Type: kind.URLPath},
		"status":   {Type: kind.Number, Low: 100, High: 599},
		"contains": {},
	}
}

// withinSpec bounds how long a check may take to pass.
func withinSpec() spec { return spec{Type: kind.Duration, Low: 1, High: 3600} }
