package doctor

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"rackhand/inventory"
)

// TestJudgeLink writes what is said of each link into a golden.
func TestJudgeLink(t *testing.T) {
	snap := &inventory.Snapshot{Networks: map[string]*inventory.Network{
		"rack1": {Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
	}}
	addr := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	good := Link{Name: "eth1", Exists: true, Up: true, Carrier: true, Ethernet: true, Addrs: addr("10.77.0.1/24")}
	with := func(f func(*Link)) Link {
		l := good
		f(&l)
		return l
	}
	wrong := with(func(l *Link) { l.Name, l.Addrs = "eth0", addr("192.0.2.7/24") })
	cases := []struct {
		name string
		l    Link
		snap *inventory.Snapshot
		addr netip.Addr
	}{
		{"good", good, snap, netip.Addr{}},
		{"no inventory", good, nil, netip.Addr{}},
		{"not there", Link{Name: "eth7"}, snap, netip.Addr{}},
		{"loopback", Link{Name: "lo", Exists: true, Up: true, Carrier: true, Loopback: true, Addrs: addr("127.0.0.1/8")}, snap, netip.Addr{}},
		{"no Ethernet", with(func(l *Link) { l.Name, l.Ethernet = "wg0", false }), snap, netip.Addr{}},
		{"a bridge's port", with(func(l *Link) { l.Master = "br0" }), snap, netip.Addr{}},
		{"off", with(func(l *Link) { l.Up, l.Carrier = false, false }), snap, netip.Addr{}},
		{"no carrier", with(func(l *Link) { l.Carrier = false }), snap, netip.Addr{}},
		{"no address", with(func(l *Link) { l.Addrs = nil }), snap, netip.Addr{}},
		{"wrong interface", wrong, snap, netip.Addr{}},
		{"address of the settings", wrong, snap, netip.MustParseAddr("10.77.0.1")},
		{"spanning tree", with(func(l *Link) { l.Name, l.STP, l.Delay = "br0", true, 1500 }), snap, netip.Addr{}},
		{"spanning tree without delay", with(func(l *Link) { l.Name, l.STP, l.Delay = "br0", true, 0 }), snap, netip.Addr{}},
		{"strict, two ways", with(func(l *Link) { l.StrictRP = true }), snap, netip.Addr{}},
	}
	all := []Link{good, wrong, {Name: "lo", Exists: true, Up: true, Loopback: true}, with(func(l *Link) { l.Name, l.Addrs = "eth2", addr("10.77.0.9/24") })}
	var out strings.Builder
	for _, tc := range cases {
		fmt.Fprintf(&out, "# %s\n", tc.name)
		writeFindings(&out, judgeLink(tc.l, all, tc.snap, tc.addr), 0)
	}
	golden(t, "testdata/link.golden", out.String())
}

// TestSettings reads what the kernel shows in files.
func TestSettings(t *testing.T) {
	sys := fstest.MapFS{
		"br0/bridge/stp_state":     {Data: []byte("1\n")},
		"br0/bridge/forward_delay": {Data: []byte("1500\n")},
		"eth1/master":              {Data: []byte("../../../virtual/net/br0"), Mode: fs.ModeSymlink},
	}
	conf := fstest.MapFS{"all/rp_filter": {Data: []byte("0\n")}, "br0/rp_filter": {Data: []byte("1\n")}, "eth1/rp_filter": {Data: []byte("2\n")}}
	br, eth := Link{Name: "br0"}, Link{Name: "eth1"}
	br.settings(sys, conf)
	eth.settings(sys, conf)
	if !br.STP || br.Delay != 1500 || !br.StrictRP || br.Master != "" {
		t.Errorf("br0: %+v", br)
	}
	if eth.STP || eth.StrictRP || eth.Master != "br0" {
		t.Errorf("eth1: %+v", eth)
	}
}

// TestLinks: the loopback is there on every machine.
func TestLinks(t *testing.T) {
	all, err := Links(ThisMachine())
	if err != nil {
		t.Fatal(err)
	}
	ifis, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(ifis) {
		t.Errorf("%d links, want %d", len(all), len(ifis))
	}
	for _, l := range all {
		if l.Loopback && l.Serves() {
			t.Errorf("boxes boot on %s", l.Name)
		}
	}
}
