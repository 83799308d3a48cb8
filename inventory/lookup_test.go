package inventory

import (
	"net/netip"
	"slices"
	"testing"
)

func TestParseMAC(t *testing.T) {
	for text, want := range map[string]string{
		"52:54:00:AB:cd:01": "52:54:00:ab:cd:01",
		"52-54-00-ab-cd-01": "52:54:00:ab:cd:01",
		"5254.00ab.cd01":    "52:54:00:ab:cd:01",
		"525400ABCD01":      "52:54:00:ab:cd:01",
	} {
		mac, err := ParseMAC(text)
		if err != nil || mac.String() != want || mac.HardwareAddr().String() != want {
			t.Errorf("%s: %s, %v", text, mac, err)
		}
	}
	for _, text := range []string{"", "52:54:00:ab:cd", "52:54:00:ab:cd:01:02:03", "52:54:00:ab:cd:0g"} {
		if mac, err := ParseMAC(text); err == nil || mac != (MAC{}) {
			t.Errorf("%q is taken as %s", text, mac)
		}
	}
}

func TestLookup(t *testing.T) {
	s := parse(t, before)
	second := parse(t, after).HostByMAC(MAC{0x52, 0x54, 0, 0, 0, 3})
	if second == nil || second.Name != "all" {
		t.Errorf("by the second of its MACs: %v", second)
	}
	if h := s.HostByMAC(MAC{0x52, 0x54, 0, 0, 0, 1}); h == nil || h.Name != "same" {
		t.Errorf("by MAC: %v", h)
	}
	if h := s.HostByAddress(netip.MustParseAddr("10.1.0.13")); h == nil || h.Name != "all" {
		t.Errorf("by address: %v", h)
	}
	if n := s.NetworkOf(netip.MustParseAddr("10.2.0.255")); n == nil || n.Name != "m" {
		t.Errorf("network: %v", n)
	}
	if s.HostByMAC(MAC{}) != nil || s.HostByAddress(netip.MustParseAddr("10.1.0.99")) != nil || s.NetworkOf(netip.MustParseAddr("10.3.0.1")) != nil {
		t.Error("something is found that isn't there")
	}
	if got := s.HostNames(); !slices.Equal(got, []string{"all", "by-network", "by-system", "gone", "same"}) {
		t.Errorf("names: %v", got)
	}
}

func TestRangeContains(t *testing.T) {
	r := Range{netip.MustParseAddr("10.1.0.10"), netip.MustParseAddr("10.1.0.20")}
	for text, want := range map[string]bool{"10.1.0.9": false, "10.1.0.10": true, "10.1.0.20": true, "10.1.0.21": false} {
		if got := r.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if (Range{}).Contains(netip.MustParseAddr("10.1.0.10")) || (Range{}).Contains(netip.Addr{}) {
		t.Error("an empty range holds an address")
	}
}
