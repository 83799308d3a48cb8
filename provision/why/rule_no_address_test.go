package why

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

func TestNoAddress(t *testing.T) {
	const (
		armed, on = "0s operator armed requested", "5s bmc powered-on powered power=on"
		asks      = "90s dhcp discover client=PXE secs=0 tries=1 offered="
		other     = "1s link other-dhcp!! network=rack1 | eth0: 10.77.0.66 answers there"
	)
	runRules(t, []ruleTest{
		{name: "another server answers on its network", at: "6m", journal: []string{other, armed, on, asks}, rule: "no-address", said: []string{"does not serve network rack1", "10.77.0.66 answers there", "rackhand doctor"}},
		{name: "its cable is in another network", at: "6m", journal: []string{armed, on, "90s dhcp wrong-network! | asks from network rack2", asks}, rule: "no-address", said: []string{"Asks from network rack2"}},
		{name: "nobody knows", at: "6m", journal: []string{armed, on, asks}, rule: "no-address", said: []string{"has no address for it in network rack1"}},
		{name: "on a network that is clear again", at: "6m", journal: []string{other, "2s link dhcp-clear network=rack1", armed, on, asks}, rule: "no-address", not: []string{"10.77.0.66"}},
		{name: "a warning about the link", at: "6m", journal: []string{"1s link other-dhcp! network=rack1 | 10.77.0.66", armed, on, asks}, rule: "no-address", not: []string{"10.77.0.66"}},
		{name: "another network's problem", at: "6m", journal: []string{"1s link other-dhcp!! network=rack2 | 10.77.0.66", armed, on, asks}, rule: "no-address", not: []string{"10.77.0.66"}},

		{name: "firmware has five minutes", at: "4m", journal: []string{other, armed, on, asks}},
		{name: "it got one after all", at: "6m", journal: []string{other, armed, on, asks, "2m dhcp ack addressed client=PXE"}, rule: "silent"},
		{name: "later ones are offered one", at: "6m", journal: []string{other, armed, on, asks, "2m dhcp discover! client=PXE secs=20 tries=5 offered=10.77.0.11"}, rule: "offers-lost"},
	})
}

// TestNoAddressOfNetwork checks what the inventory says about the network.
func TestNoAddressOfNetwork(t *testing.T) {
	for _, tc := range []struct {
		name, event string
		mode        inventory.DHCPMode
		rule, said  string
	}{
		{"beside a server that is silent", "2m dhcp discover! client=PXE secs=28 tries=4 offered=", inventory.DHCPProxy, "no-address", "The DHCP server of network rack1 gives it no address"},
		{"beside a server that has not answered yet", "2m dhcp discover client=PXE secs=0 tries=1 offered=", inventory.DHCPProxy, "silent", ""},
		{"without DHCP", "2m dhcp discover client=PXE secs=0 tries=1 offered=", inventory.DHCPOff, "no-address", "`dhcp: off`"},
		{"through a relay of no network", "2m dhcp discover client=PXE secs=0 tries=1 offered= relay=192.0.2.1", "", "no-address", "192.0.2.1, which is in no network"},
		{"through a relay of its network", "2m dhcp discover client=PXE secs=0 tries=1 offered= relay=10.77.0.254", "", "no-address", "has no address for it"},
	} {
		c := caseOf(t, "0s operator armed requested", "5s bmc powered-on powered", tc.event)
		c.Host.Network = &inventory.Network{Name: "rack1", DHCP: tc.mode, Subnet: netip.MustParsePrefix("10.77.0.0/24")}
		got := diagnose(t, c, 6*time.Minute)
		if got == nil {
			got = &provision.Stuck{}
		}
		if got.Rule != tc.rule || !strings.Contains(got.Cause(), tc.said) {
			t.Errorf("%s: %q: %s", tc.name, got.Rule, got.Cause())
		}
	}
}
