package appliance

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"rackhand/config"
	"rackhand/inventory"
)

func TestChooseAddresses(t *testing.T) {
	have := map[string]linkState{
		"eth1": {true, []netip.Addr{addr("10.77.0.1"), addr("10.77.0.9")}}, "eth2": {true, []netip.Addr{addr("10.78.0.1")}},
		"eth3": {true, nil}, "eth4": {false, []netip.Addr{addr("10.79.0.1")}},
	}
	for name, tc := range map[string]struct {
		names []string
		given string
		want  string
	}{
		"one":                        {[]string{"eth1"}, "", "[{eth1 10.77.0.1}]"},
		"two":                        {[]string{"eth1", "eth2"}, "", "[{eth1 10.77.0.1} {eth2 10.78.0.1}]"},
		"given, the second of two":   {[]string{"eth1", "eth2"}, "10.77.0.9", "[{eth1 10.77.0.9} {eth2 10.78.0.1}]"},
		"given, on the second link":  {[]string{"eth1", "eth2"}, "10.78.0.1", "[{eth1 10.77.0.1} {eth2 10.78.0.1}]"},
		"given, on none":             {[]string{"eth1", "eth2"}, "192.0.2.1", "error: `address: 192.0.2.1` in rackhand.yaml is on none of the links: eth1 has 10.77.0.1 and 10.77.0.9, eth2 has 10.78.0.1; "},
		"given, and none there yet":  {[]string{"eth3"}, "10.79.0.1", "wait: eth3 has no IPv4 address yet: give it 10.79.0.1"},
		"given, may be on the other": {[]string{"eth1", "eth3"}, "10.79.0.1", "wait: eth3 has no IPv4 address yet: give it an IPv4 address"},
		"none there yet":             {[]string{"eth1", "eth3"}, "", "wait: eth3 has no IPv4 address yet"},
		"down":                       {[]string{"eth4"}, "", "wait: eth4 is down (`ip link set eth4 up`)"},
		"down, and one without":      {[]string{"eth3", "eth4"}, "10.79.0.1", "wait: eth4 is down (`ip link set eth4 up`); eth3 has no IPv4 address yet"},
	} {
		var given netip.Addr
		if tc.given != "" {
			given = addr(tc.given)
		}
		links, wait, err := chooseAddresses(tc.names, given, have)
		var parts []string
		for _, l := range links {
			parts = append(parts, "{"+l.name+" "+l.addr.String()+"}")
		}
		got := fmt.Sprint(parts)
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case wait != "":
			got = "wait: " + wait
		}
		if !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// TestApplianceAt: a box is told the address that it came to, if that is ours.
func TestApplianceAt(t *testing.T) {
	a := &Appliance{
		cfg:   &config.Config{Address: addr("10.77.0.1"), HTTP: 80, Agents: 8443},
		links: []link{{"eth1", addr("10.77.0.1")}, {"eth2", addr("10.78.0.1")}},
	}
	for local, want := range map[string]string{
		"10.77.0.1": "{http://10.77.0.1 https://10.77.0.1:8443}", "10.78.0.1": "{http://10.78.0.1 https://10.78.0.1:8443}",
		"::ffff:10.78.0.1": "{http://10.78.0.1 https://10.78.0.1:8443}", "127.0.0.1": "{http://10.77.0.1 https://10.77.0.1:8443}",
	} {
		if got := fmt.Sprint(a.applianceAt(addr(local))); got != want {
			t.Errorf("at %s: %s, want %s", local, got, want)
		}
	}
	if got := fmt.Sprint(a.applianceAt(netip.Addr{})); got != "{http://10.77.0.1 https://10.77.0.1:8443}" {
		t.Errorf("at no address: %s", got)
	}
	if got := fmt.Sprint(a.addresses()); got != "[10.77.0.1 10.78.0.1]" {
		t.Errorf("addresses %s", got)
	}
}

// TestDHCPOn: what a link's DHCP server hands out begins with the link's address.
func TestDHCPOn(t *testing.T) {
	a := &Appliance{
		cfg:    &config.Config{Address: addr("10.77.0.1"), HTTP: 80, Agents: 8443},
		links:  []link{{"eth1", addr("10.77.0.1")}, {"eth2", addr("10.78.0.1")}},
		holder: &inventory.Holder{},
	}
	a.urls, a.gate = a.applianceAt(a.cfg.Address), newGate(a)
	s := a.dhcp(a.links[1])
	mac := inventory.MAC{0x52, 0x54, 0, 0, 0, 1}
	for got, want := range map[string]string{
		s.ServerAddr.String():    "10.78.0.1",
		s.ScriptURL(mac):         "http://10.78.0.1/boot/ipxe?mac=52:54:00:00:00:01",
		s.TFTPScriptURL(mac):     "tftp://10.78.0.1/ipxe/52:54:00:00:00:01",
		s.FileURL("snponly.efi"): "http://10.78.0.1/boot/file/snponly.efi",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if err := s.MayServe(&inventory.Network{Name: "rack2", Subnet: netip.MustParsePrefix("10.78.0.0/24")}); err == nil {
		t.Error("it may serve before anybody has looked")
	}
}
