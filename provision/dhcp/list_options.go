package dhcp

import (
	"net/netip"
	"slices"
	"strings"

	"rackhand/inventory"
)

// routes encodes option 121 (RFC 3442): for each route the prefix length, the significant
// bytes of the prefix, and the router. A client that asks for it ignores option 3, so the
// default router is included. The result is nil when there are no routes.
func routes(list []inventory.Route, gateway netip.Addr) []byte {
	if len(list) == 0 {
		return nil
	}
	named := slices.ContainsFunc(list, func(r inventory.Route) bool { return r.To.IsValid() && r.To.Bits() == 0 })
	if gateway.Is4() && !named {
		list = append(slices.Clip(list), inventory.Route{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: gateway})
	}
	var value []byte
	for _, r := range list {
		if !r.To.IsValid() || !r.To.Addr().Is4() || !r.Via.Is4() {
			continue
		}
		bits := r.To.Bits()
		value = append(value, byte(bits))
		value = append(value, r.To.Masked().Addr().AsSlice()[:(bits+7)/8]...)
		value = append(value, r.Via.AsSlice()...)
	}
	return value
}

// searchList encodes option 119 (RFC 3397): domain names in DNS format, where a repeated
// suffix is a pointer to its first occurrence (RFC 1035 section 4.1.4). It omits names that
// DNS can't carry.
func searchList(names []string) []byte {
	var value []byte
	at := map[string]int{} // where a name, or a suffix of one, begins
	for _, name := range names {
		labels := strings.Split(strings.TrimSuffix(strings.ToLower(name), "."), ".")
		if len(name) > 253 || slices.ContainsFunc(labels, func(l string) bool { return l == "" || len(l) > 63 }) {
			continue
		}
		closed := false
		for i, label := range labels {
			rest := strings.Join(labels[i:], ".")
			if offset, ok := at[rest]; ok {
				value = append(value, 0xc0|byte(offset>>8), byte(offset))
				closed = true
				break
			}
			if len(value) < 0x4000 { // a pointer has 14 bits
				at[rest] = len(value)
			}
			value = append(append(value, byte(len(label))), label...)
		}
		if !closed {
			value = append(value, 0)
		}
	}
	return value
}
