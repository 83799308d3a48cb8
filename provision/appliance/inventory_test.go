package appliance

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/inventory"
)

// What an edit changed is told once and in few words, whatever its size.
func TestLoadedMessage(t *testing.T) {
	text := func(network, web2 string, more int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "networks: {n: {subnet: 10.1.0.0/24%s}, m: {subnet: 10.2.0.0/24}}\nhosts:\n", network)
		b.WriteString("  web1: {mac: 52:54:00:00:01:01, address: 10.1.0.11}\n")
		fmt.Fprintf(&b, "  web2: {mac: 52:54:00:00:01:02, address: 10.1.0.12%s}\n", web2)
		for i := range more {
			fmt.Fprintf(&b, "  z%02d: {mac: 52:54:00:00:02:%02x, address: 10.2.0.%d}\n", i, i, i+1)
		}
		return b.String()
	}
	before := text("", "", 0)
	variables := ", variables: {a1: x, a2: x, a3: x, a4: x, a5: x, a6: x, a7: x, a8: x, a9: x, b1: x, b2: x, b3: x}"
	for _, c := range []struct{ name, from, to, want string }{
		{"a host", before, text("", ", boot: {vlan: 7}, budget: 1h", 0), "web2: boot.vlan, budget"},
		{"a new host", before, text("", "", 1), "z00: added"},
		{"a host that went", text("", "", 1), before, "z00: removed"},
		{"a network's mode", before, text(", dhcp: proxy", "", 0), "network n: dhcp is now proxy (its hosts: 2)"},
		{"and back", text(", dhcp: off, mtu: 1500", "", 0), before, "network n: dhcp is now authoritative, mtu (its hosts: 2)"},
		{"both", before, text(", mtu: 9000", ", boot: {console: ttyS1}", 0), "network n: mtu (its hosts: 2); web2: boot.console, network.mtu"},
		{"networks that went", before, "hosts: {}", "network m: removed; network n: removed; web1: removed; web2: removed"},
		{"many hosts", before, text("", "", 12), "z00: added; z01: added; z02: added; z03: added; z04: added; z05: added; z06: added; z07: added; z08: added; z09: added; and 2 more hosts"},
		{
			"many keys", before, text("", variables, 0),
			"web2: variables.a1, variables.a2, variables.a3, variables.a4, variables.a5, variables.a6, variables.a7, variables.a8, variables.a9, variables.b1, and 2 more keys",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, now := parseInventory(t, c.from), parseInventory(t, c.to)
			changes := inventory.Diff(a, now)
			first := fmt.Sprint(changes)
			got := loadedMessage(now, changes)
			if want := "the inventory was loaded; changed: " + c.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			// The holder keeps the same changes.
			if fmt.Sprint(changes) != first {
				t.Errorf("the changes were written to: %v", changes)
			}
		})
	}
}

func parseInventory(t *testing.T, text string) *inventory.Snapshot {
	t.Helper()
	s, problems := inventory.Parse("a.yaml", []byte(text), inventory.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}
