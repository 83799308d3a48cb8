package roletest

import (
	"strconv"

	"rackhand/config/schema"
)

// readFacts reads facts. A scalar without quotes is a number or a bool where it looks like
// one, as in the JSON that an agent sends.
func readFacts(n schema.Node) map[string]any {
	facts := map[string]any{}
	n.Each("facts", func(name string, _, value schema.Node) { facts[name] = typed(value.Any()) })
	return facts
}

func typed(v any) any {
	switch v := v.(type) {
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
		if v == "true" || v == "false" {
			return v == "true"
		}
	case map[string]any:
		for key := range v {
			v[key] = typed(v[key])
		}
	case []any:
		for i := range v {
			v[i] = typed(v[i])
		}
	}
	return v
}
