package roletest

import (
	"strconv"

	"rackhand/config/schema"
)

// readFacts reads facts. A scalar without quotes is a number or a bool where it looks like
// one, as in the JSON that an agent sends.
func readFacts(n schema.Node) map[string]any {
	facts := map[string]any{}
	n.Each("facts", func(name string, _, value schema.Node) { facts[name] = replaced(value.Any(), typed) })
	return facts
}

// typed is a scalar of facts.
func typed(v any) any {
	text, isText := v.(string)
	if !isText {
		return v
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	return v
}

// replaced changes a value, and then each that is in it.
func replaced(v any, change func(any) any) any {
	v = change(v)
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = replaced(v[key], change)
		}
	case []any:
		for i := range v {
			v[i] = replaced(v[i], change)
		}
	}
	return v
}
