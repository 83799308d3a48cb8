package inventory

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// The index answers what a search would, at every edge of every network.
func TestIndexIsTheScan(t *testing.T) {
	s := parse(t, `
networks:
  first: {subnet: 10.1.0.0/25}
  second: {subnet: 10.1.0.128/26}
  wide: {subnet: 10.2.0.0/16}
  far: {subnet: 192.168.7.4/30}
hosts:
  a: {mac: [52:54:00:00:00:01, 52:54:00:00:00:02], address: 10.1.0.11}
  b: {mac: 52:54:00:00:00:03, address: 10.2.255.254}
  c: {mac: 52:54:00:00:00:04, address: 192.168.7.5}
`)
	scan := &Snapshot{Networks: s.Networks, Hosts: s.Hosts}
	if s.index == nil || scan.index != nil {
		t.Fatal("the one has no index, or the other has one")
	}
	found := 0
	for _, edge := range []string{"0.0.0.0", "10.1.0.0", "10.1.0.11", "10.1.0.128", "10.1.0.192", "10.2.0.0", "10.3.0.0", "10.2.255.254", "192.168.7.4", "192.168.7.8", "255.255.255.255", "::", "::ffff:10.1.0.11"} {
		a := netip.MustParseAddr(edge)
		for _, a := range []netip.Addr{a.Prev(), a, a.Next(), {}} {
			if got, want := s.NetworkOf(a), scan.NetworkOf(a); got != want {
				t.Errorf("%s lies in %v, not %v", a, got, want)
			} else if got != nil {
				found++
			}
			if got, want := s.HostByAddress(a), scan.HostByAddress(a); got != want {
				t.Errorf("%s is that of %v, not %v", a, got, want)
			} else if got != nil {
				found++
			}
		}
	}
	for last := range byte(6) {
		mac := MAC{0x52, 0x54, 0, 0, 0, last}
		if got, want := s.HostByMAC(mac), scan.HostByMAC(mac); got != want {
			t.Errorf("%s is that of %v, not %v", mac, got, want)
		} else if got != nil {
			found++
		}
	}
	if want := 25; found != want {
		t.Errorf("%d answers, not %d: do the questions still hit the edges?", found, want)
	}
}

// Networks of a literal may lie in each other: the smallest is the one.
func TestNetworkOfOverlapping(t *testing.T) {
	wide := &Network{Name: "wide", Subnet: netip.MustParsePrefix("10.0.0.0/8")}
	small := &Network{Name: "small", Subnet: netip.MustParsePrefix("10.1.0.0/24")}
	s := &Snapshot{Networks: map[string]*Network{"wide": wide, "small": small}}
	for range 20 { // for any order of the map
		if s.NetworkOf(netip.MustParseAddr("10.1.0.1")) != small || s.NetworkOf(netip.MustParseAddr("10.2.0.1")) != wide {
			t.Fatal("not the smallest")
		}
	}
}

// many is an inventory of n hosts, 250 in each network.
func many(n int) []byte {
	var b strings.Builder
	b.WriteString("defaults: {boot: {console: ttyS0}}\nnetworks:\n")
	for i := range (n + 249) / 250 {
		fmt.Fprintf(&b, "  n%d: {subnet: 10.%d.%d.0/24}\n", i, i/256, i%256)
	}
	b.WriteString("hosts:\n")
	for i := range n {
		fmt.Fprintf(&b, "  h%d: {mac: %s, address: %s}\n", i, macOf(i), addressOf(i))
	}
	return []byte(b.String())
}

func macOf(i int) MAC { return MAC{0x52, 0x54, 0, byte(i >> 16), byte(i >> 8), byte(i)} }
func addressOf(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i / 250 / 256), byte(i / 250 % 256), byte(i%250 + 1)})
}

func BenchmarkLookup(b *testing.B) {
	const hosts = 10000
	s, problems := Parse("a.yaml", many(hosts), Options{})
	if err := problems.Err(); err != nil {
		b.Fatal(err)
	}
	b.Run("HostByMAC", func(b *testing.B) {
		for i := range b.N {
			if s.HostByMAC(macOf(i%hosts)) == nil {
				b.Fatal("not found")
			}
		}
	})
	b.Run("HostByAddress", func(b *testing.B) {
		for i := range b.N {
			if s.HostByAddress(addressOf(i%hosts)) == nil {
				b.Fatal("not found")
			}
		}
	})
	b.Run("NetworkOf", func(b *testing.B) {
		for i := range b.N {
			if s.NetworkOf(addressOf(i%hosts)) == nil {
				b.Fatal("not found")
			}
		}
	})
	scan := &Snapshot{Networks: s.Networks, Hosts: s.Hosts}
	b.Run("HostByMACWithoutIndex", func(b *testing.B) {
		for i := range b.N {
			if scan.HostByMAC(macOf(i%hosts)) == nil {
				b.Fatal("not found")
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := many(10000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, problems := Parse("a.yaml", text, Options{}); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
