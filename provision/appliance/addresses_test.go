package appliance

import (
	"fmt"
	"net/netip"
	"testing"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/links"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestApplianceAt: a box is told the address that it came to, if that is ours.
func TestApplianceAt(t *testing.T) {
	a := &Appliance{
		cfg:   &config.Config{Address: addr("10.77.0.1"), HTTP: 80, Agents: 8443},
		links: []links.Link{{Name: "eth1", Addr: addr("10.77.0.1")}, {Name: "eth2", Addr: addr("10.78.0.1")}},
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
		links:  []links.Link{{Name: "eth1", Addr: addr("10.77.0.1")}, {Name: "eth2", Addr: addr("10.78.0.1")}},
		holder: &inventory.Holder{},
	}
	a.urls, a.gate = a.applianceAt(a.cfg.Address), a.newGate()
	s := a.dhcp(a.links[1], nil)
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
