package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A change of each key of a network and of boot: is reported, for the network and for its
// hosts. Another spelling of the same value is not.
func TestDiffKeys(t *testing.T) {
	text := func(network, host string) string {
		return strings.NewReplacer("NETWORK", network, "HOST", host).Replace(`
networks: {n: {subnet: 10.1.0.0/24, NETWORK}, still: {subnet: 10.2.0.0/24}}
hosts:
  web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11, boot: {HOST}}
  web2: {mac: 52:54:00:00:00:02, address: 10.2.0.12}
`)
	}
	for _, c := range []struct{ network, host, field string }{
		{"dhcp: proxy", "", "dhcp"},
		{"dhcp: authoritative", "", ""},
		{"allow_other_dhcp: true", "", "allow_other_dhcp"},
		{"allow_other_dhcp: false", "", ""},
		{"lease_time: 1h", "", "lease_time"},
		{"unclaimed: {wait: 10m}", "", "unclaimed.wait"},
		{"unclaimed: {}", "", ""},
		{"search: a.example", "", "search"},
		{"mtu: 1500", "", "mtu"},
		{"routes: [{to: 10.0.0.0/8, via: 10.1.0.1}]", "", "routes"},
		{"options: {150: [10.1.0.1]}", "", "options"},
		{"gateway: 10.1.0.1", "", "gateway"},
		{"dns: 10.1.0.1", "", "dns"},
		{"ntp: 10.1.0.1", "", "ntp"},
		{"domain: a.example", "", "domain"},
		{"leases: 10.1.0.100-10.1.0.110", "", "leases"},
		{"", "program: ipxe.efi", "boot.program"},
		{"", "console: ttyS1", "boot.console"},
		{"", "args: quiet", "boot.args"},
		{"", "args: []", ""},
		{"", "vlan: 7", "boot.vlan"},
		{"", "secure_boot: true", "boot.secure_boot"},
		{"", "secure_boot: false", ""},
		{"", "proxy: binl", "boot.proxy"},
		{"", "proxy: pxe", ""},
	} {
		t.Run(c.network+c.host, func(t *testing.T) {
			var want []string
			switch {
			case c.field == "":
			case c.network != "":
				want = []string{"network n: " + c.field, "web1: network." + c.field}
			default:
				want = []string{"web1: " + c.field}
			}
			plain, changed := parse(t, text("", "")), parse(t, text(c.network, c.host))
			for _, changes := range [][]Change{Diff(plain, changed), Diff(changed, plain)} {
				if diff := cmp.Diff(want, texts(changes)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				for _, change := range changes {
					if by := change.Host != "" && c.network != ""; change.ByNetwork() != by {
						t.Errorf("%s: ByNetwork is %v", change, !by)
					}
				}
			}
		})
	}
}

// Values on the wire are compared by their bytes. A host that moves to another network is
// reported, whatever that network's settings are.
func TestDiffNetwork(t *testing.T) {
	const text = `
networks: {n: {subnet: 10.1.0.0/24, options: {150: [10.1.0.1], 252: x}}, m: {subnet: 10.2.0.0/24, mtu: 1500}}
hosts: {web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11}}
`
	a := parse(t, text)
	if got := Diff(a, parse(t, strings.Replace(text, "[10.1.0.1]", "{hex: 0a010001}", 1))); got != nil {
		t.Errorf("the same bytes: %v", got)
	}
	b := parse(t, strings.NewReplacer("[10.1.0.1]", "[10.1.0.2]", "10.1.0.11", "10.2.0.11").Replace(text))
	if diff := cmp.Diff([]string{"network n: options", "web1: address, network"}, texts(Diff(a, b))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c := Diff(a, b)[1]; c.ByNetwork() {
		t.Errorf("%s: it is the host's own", c)
	}
	if c := (Change{Host: "web1", Kind: Added}); c.ByNetwork() {
		t.Errorf("%s: it is the host's own", c)
	}
	if got := Diff(a, &Snapshot{}); len(got) != 3 || got[0].String() != "network m: removed" {
		t.Errorf("to nothing: %v", got)
	}
}
