package dhcp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestObserved checks the leases that are written for REQUESTs to the other server.
func TestObserved(t *testing.T) {
	const other = "10.77.0.66"
	cases := []struct {
		name string
		mac  inventory.MAC
		msgs []*dhcpv4.DHCPv4
		want string // the address; "" for no lease
	}{
		{"a host's firmware", web1, []*dhcpv4.DHCPv4{requestMessage(web1, pxe, server(other), requested("10.77.0.130"))}, "10.77.0.130"},
		{"a host's system", web1, []*dhcpv4.DHCPv4{requestMessage(web1, server(other), requested("10.77.0.131"))}, "10.77.0.131"},
		{"through a relay", web1, []*dhcpv4.DHCPv4{requestMessage(web1, server(other), requested("10.77.0.130"), relayed("10.77.0.254"))}, "10.77.0.130"},
		{"an unclaimed box that boots", stranger, []*dhcpv4.DHCPv4{requestMessage(stranger, pxe, server(other), requested("10.77.0.77"))}, "10.77.0.77"},
		{"and its system", stranger, []*dhcpv4.DHCPv4{
			requestMessage(stranger, pxe, server(other), requested("10.77.0.77")), requestMessage(stranger, server(other), requested("10.77.0.78")),
		}, "10.77.0.78"},
		{"a laptop", stranger, []*dhcpv4.DHCPv4{requestMessage(stranger, server(other), requested("10.77.0.77"))}, ""},
		{"a request to us", web1, []*dhcpv4.DHCPv4{requestMessage(web1, pxe, server("10.77.0.1"), requested("10.77.0.130"))}, ""},
		{"an address of another network", web1, []*dhcpv4.DHCPv4{requestMessage(web1, pxe, server(other), requested("192.0.2.7"))}, ""},
		{"our own address", web1, []*dhcpv4.DHCPv4{requestMessage(web1, pxe, server(other), requested("10.77.0.1"))}, ""},
		{"no address", web1, []*dhcpv4.DHCPv4{requestMessage(web1, pxe, server(other))}, ""},
		{"a server of three bytes", web1, []*dhcpv4.DHCPv4{requestMessage(web1, pxe, raw(54, "abc"), requested("10.77.0.130"))}, ""},
		{"init-reboot without a known lease", web1, []*dhcpv4.DHCPv4{requestMessage(web1, requested("10.77.0.130"))}, ""},
		{"another init-reboot than what is known", web1, []*dhcpv4.DHCPv4{
			requestMessage(web1, server(other), requested("10.77.0.130")), requestMessage(web1, requested("10.77.0.140")),
		}, "10.77.0.130"},
		{"declined", web1, []*dhcpv4.DHCPv4{
			requestMessage(web1, server(other), requested("10.77.0.130")),
			message(web1, dhcpv4.MessageTypeDecline, server(other), requested("10.77.0.130")),
		}, ""},
		{"another declined", web1, []*dhcpv4.DHCPv4{
			requestMessage(web1, server(other), requested("10.77.0.130")),
			message(web1, dhcpv4.MessageTypeDecline, server(other), requested("10.77.0.131")),
		}, "10.77.0.130"},
		{"the address goes to another box", web1, []*dhcpv4.DHCPv4{
			requestMessage(web1, server(other), requested("10.77.0.150")), requestMessage(web2, server(other), requested("10.77.0.150")),
		}, ""},
	}
	for _, tc := range cases {
		b := newProxy(t)
		for _, m := range tc.msgs {
			if r := b.ask(m); r != nil {
				t.Errorf("%s: answered: %s", tc.name, r.Summary())
			}
		}
		l := b.lease(tc.mac)
		switch {
		case l == nil && tc.want != "":
			t.Errorf("%s: no lease", tc.name)
		case l == nil:
		case l.Address != tc.want || l.Server != other:
			t.Errorf("%s: %+v, want %q", tc.name, l, tc.want)
		}
		if len(b.table.byMAC) > 0 {
			t.Errorf("%s: the table, which gives addresses, knows of it", tc.name)
		}
	}
}

// TestObservedDuringInstall checks that no REQUEST and no DECLINE takes the lease of a host
// that is being installed, whoever sends it. Afterwards they count as usual.
func TestObservedDuringInstall(t *testing.T) {
	const other = "10.77.0.66"
	for name, m := range map[string]func() *dhcpv4.DHCPv4{
		"address-differs": func() *dhcpv4.DHCPv4 { return requestMessage(web1, pxe, server(other), requested("10.77.0.150")) },
		"address-claimed": func() *dhcpv4.DHCPv4 { return requestMessage(web2, pxe, server(other), requested("10.77.0.130")) },
		"address-claimed by a stranger": func() *dhcpv4.DHCPv4 {
			return requestMessage(stranger, pxe, server(other), requested("10.77.0.130"))
		},
		"decline": func() *dhcpv4.DHCPv4 {
			return message(web1, dhcpv4.MessageTypeDecline, server(other), requested("10.77.0.130"))
		},
		"": func() *dhcpv4.DHCPv4 {
			return message(web1, dhcpv4.MessageTypeRelease, server(other), ciaddr("10.77.0.130"))
		},
	} {
		b := newProxy(t)
		underWay := true
		b.UnderWay = func(host string) bool { return underWay && host == "web1" }
		b.ask(requestMessage(web1, pxe, server(other), requested("10.77.0.130")))
		b.ask(m())
		if l := b.lease(web1); l == nil || l.Address != "10.77.0.130" {
			t.Errorf("%s: the lease is %+v", name, l)
		}
		if kind, _, _ := strings.Cut(name, " "); kind != "" && !slices.ContainsFunc(b.events, func(e provision.Event) bool {
			return e.Kind == kind && e.Host == "web1" && e.Level == provision.LevelWarn
		}) {
			t.Errorf("%s: not reported", name)
		}
		underWay = false
		b.ask(m())
		if l := b.lease(web1); name != "" && l != nil && l.Address == "10.77.0.130" {
			t.Errorf("%s, when nothing is under way: the lease is %+v", name, l)
		}
	}
}

// TestObservedOtherCard checks a REQUEST of another card of that host. It doesn't count
// while the card with the address answers there, and counts otherwise.
func TestObservedOtherCard(t *testing.T) {
	const other, addr = "10.77.0.66", "10.77.0.131"
	for _, cards := range [][2]inventory.MAC{{web2, web2nic2}, {web2nic2, web2}} {
		b, f, sent, expire := probing(t)
		b.snap.Networks["rack1"].DHCP = inventory.DHCPProxy
		b.UnderWay = func(host string) bool { return host == "web2" }
		real, forged := cards[0], cards[1]
		b.ask(requestMessage(real, pxe, server(other), requested(addr)))
		forge := func(has inventory.MAC) {
			t.Helper()
			b.ask(requestMessage(forged, pxe, server(other), requested(addr)))
			if l := b.lease(has); l == nil || l.Address != addr {
				t.Fatalf("%s has not %s: %+v", has, addr, l)
			}
		}
		forge(real)
		b.now = b.now.Add(settling)
		forge(real)
		b.answers(addr, real, sent)
		forge(real)
		expire()
		b.now = b.now.Add(sightedFor)
		forge(real)
		expire()
		forge(forged)
		if want := []string{"arp " + addr, "arp " + addr}; !slices.Equal(f.asked, want) {
			t.Errorf("asked %q", f.asked)
		}
	}
}

// TestObservedEvents checks that new leases and boots are events, and renewals aren't. A
// client that returns with its lease extends it. The lease survives a restart.
func TestObservedEvents(t *testing.T) {
	const other = "10.77.0.66"
	b := newProxy(t)
	b.arm("web1")
	b.ask(requestMessage(web1, pxe, server(other), requested("10.77.0.130")))
	b.wantKinds("web1 observed addressed")
	since := b.lease(web1).Since
	b.ask(requestMessage(web1, server(other), requested("10.77.0.130"))) // now with another vendor class
	b.wantKinds("web1 observed")
	b.now = b.now.Add(10 * time.Minute)
	b.ask(requestMessage(web1, server(other), requested("10.77.0.130")))
	b.wantKinds()
	b.start(b.Store)
	b.now = b.now.Add(10 * time.Minute)
	b.ask(requestMessage(web1, requested("10.77.0.130"))) // init-reboot
	b.ask(requestMessage(web1, ciaddr("10.77.0.130")))    // rebinding
	b.wantKinds()
	l := b.lease(web1)
	if !l.Since.Equal(since) || !l.Expires.Equal(b.now.Add(time.Hour)) || l.Host != "web1" || l.Server != other {
		t.Errorf("the lease: %+v", l)
	}
	if len(b.table.byMAC) > 0 {
		t.Error("after a restart the table, which gives addresses, knows of it")
	}
}

// TestObservedAddressDiffers checks a host that gets another address than the inventory's,
// and a second card, which may have one.
func TestObservedAddressDiffers(t *testing.T) {
	const other = "10.77.0.66"
	b := newProxy(t)
	b.ask(requestMessage(web1, server(other), requested("10.77.0.150")))
	if !slices.ContainsFunc(b.events, func(e provision.Event) bool {
		return e.Kind == "address-differs" && e.Level == provision.LevelWarn && strings.Contains(e.Message, "10.77.0.150") && strings.Contains(e.Message, "10.77.0.130")
	}) {
		t.Errorf("no event: %+v", b.events)
	}
	b.events = nil
	b.ask(requestMessage(web1, server(other), requested("10.77.0.150")))
	b.wantKinds() // once a minute
	b.now = b.now.Add(2 * time.Minute)
	b.ask(requestMessage(web1, server(other), requested("10.77.0.150")))
	b.wantKinds("web1 address-differs")

	b.ask(requestMessage(web2, server(other), requested("10.77.0.131")))
	b.ask(requestMessage(web2nic2, server(other), requested("10.77.0.160")))
	b.wantKinds("web2 observed", "web2 observed")
}

// TestObservedFlood checks that a machine that poses as very many boxes neither fills the
// memory nor blocks a host.
func TestObservedFlood(t *testing.T) {
	b := newProxy(t)
	b.snap.Networks["rack1"].Subnet = netip.MustParsePrefix("10.0.0.0/8")
	for i := range uint32(observedMost) {
		mac := inventory.MAC{2, 0, byte(i >> 16), byte(i >> 8), byte(i), 1}
		b.observed.put(mac, inventory.AddressOf(0x0a000100+i), provision.Lease{Address: inventory.AddressOf(0x0a000100 + i).String(), Expires: b.now.Add(time.Hour)})
	}
	b.ask(requestMessage(stranger, pxe, server("10.77.0.66"), requested("10.77.0.150")))
	if l := b.lease(stranger); l != nil {
		t.Errorf("one more box outside the inventory: %+v", l)
	}
	b.ask(requestMessage(web1, pxe, server("10.77.0.66"), requested("10.77.0.130")))
	if b.lease(web1) == nil {
		t.Error("a host's lease was not recorded")
	}
	// Boxes whose leases have ended are removed.
	b.now = b.now.Add(2 * time.Hour)
	b.ask(requestMessage(stranger, pxe, server("10.77.0.66"), requested("10.77.0.150")))
	if b.lease(stranger) == nil || len(b.observed.byMAC) >= observedMost || len(b.observed.byMAC) != len(b.observed.byAddr) {
		t.Errorf("two hours later: %+v, %d remembered", b.lease(stranger), len(b.observed.byMAC))
	}
}

// TestUnclaimedOfProxy checks that a box that boots is an event, once a minute, with the
// address that it asked for. A machine that doesn't boot is none.
func TestUnclaimedOfProxy(t *testing.T) {
	b := newProxy(t)
	for range 3 {
		b.ask(discover(stranger, pxe))
		b.ask(requestMessage(stranger, pxe, server("10.77.0.66"), requested("10.77.0.77")))
		b.ask(discover(inventory.MAC{2, 3, 4, 5, 6, 7}, raw(12, "laptop")))
	}
	if len(b.events) != 2 || b.events[1].Fields["address"] != "10.77.0.77" {
		t.Errorf("events %+v", b.events)
	}
	b.wantKinds(stranger.String()+" unclaimed", stranger.String()+" observed")
}
