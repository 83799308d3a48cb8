package netconf

import (
	"fmt"
	"strings"
)

// String says a device in one line.
func (d Device) String() string {
	words := []string{d.Kind, d.Name}
	add := func(when bool, format string, args ...any) {
		if when {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(d.MAC != "", "= %s", d.MAC)
	add(len(d.Members) > 0, "of %s", strings.Join(d.Members, " "))
	for _, o := range d.Options {
		add(true, "%s=%s", o.Key, o.Value)
	}
	add(d.Own != "", "as %s", d.Own)
	add(d.Parent != "", "id %d on %s", d.VLAN, d.Parent)
	add(d.Master != "", "in %s", d.Master)
	add(d.MTU > 0, "mtu %d", d.MTU)
	add(!d.OnBoot, "by hand")
	if d.Master == "" {
		add(true, "ipv4 %s", d.V4)
		add(d.V4 == byStatic, "%s", d.Address)
		add(d.Gateway != "", "by %s", d.Gateway)
		add(true, "ipv6 %s", d.V6)
		add(d.V6 == byStatic, "%s", d.Address6)
		add(d.Gateway6 != "", "by %s", d.Gateway6)
		add(d.NoDefRoute, "no default route")
		add(len(d.DNS) > 0, "dns %s", strings.Join(d.DNS, " "))
		add(len(d.Search) > 0, "search %s", strings.Join(d.Search, " "))
	}
	return strings.Join(words, " ")
}
