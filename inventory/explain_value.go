package inventory

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rackhand/config/schema"
)

// Plain makes of an [Origin]'s value what JSON and YAML know: string, int, bool,
// []any, map[string]any. A secret is its name, as the operator wrote it.
func Plain(value any) any {
	switch v := value.(type) {
	case SecretRef:
		return map[string]any{"secret": string(v)}
	case time.Duration:
		return schema.Plain(v)
	case RackPlace:
		return map[string]any{"name": v.Name, "unit": v.Unit}
	case Range:
		return v.First.String() + "-" + v.Last.String()
	case []MAC:
		return plainAll(v)
	case []string:
		return plainAll(v)
	case []netip.Addr:
		return plainAll(v)
	case []Route:
		return plainAll(v)
	case []any:
		return plainAll(v)
	case Route:
		return map[string]any{"to": v.To.String(), "via": v.Via.String()}
	case map[uint8][]byte:
		out := make(map[string]any, len(v))
		for number, data := range v {
			out[strconv.Itoa(int(number))] = hex.EncodeToString(data)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = Plain(inner)
		}
		return out
	case bool, int, nil:
		return v
	default:
		return fmt.Sprint(v) // texts of their own types, addresses
	}
}

func plainAll[T any](list []T) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, Plain(v))
	}
	return out
}

// ShowValue writes an [Origin]'s value on one line, much as it would stand in the
// YAML: {name: r1, unit: 12}, [10.77.0.1, 10.77.0.2].
func ShowValue(value any) string { return show(Plain(value)) }

func show(plain any) string {
	switch v := plain.(type) {
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, show(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var items []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, key+": "+show(v[key]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case string:
		if v == "" || v != strings.TrimSpace(v) || strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
			if quoted, err := json.Marshal(v); err == nil {
				return string(quoted)
			}
		}
		return v
	default:
		return fmt.Sprint(v)
	}
}
