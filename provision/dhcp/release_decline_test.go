package dhcp

import (
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestRelease checks that a released address is free, and that the same box gets it again.
func TestRelease(t *testing.T) {
	b := newTestServer(t)
	first := b.join(stranger)
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	b.ask(message(other, dhcpv4.MessageTypeRelease, ciaddr(first), server("10.77.0.1")))
	if l := b.lease(stranger); !l.Expires.After(b.now) {
		t.Fatal("another client ended the lease")
	}
	for name, msg := range map[string]*dhcpv4.DHCPv4{
		"to another server":  message(stranger, dhcpv4.MessageTypeRelease, ciaddr(first), server("10.77.0.66")),
		"without an address": message(stranger, dhcpv4.MessageTypeRelease, server("10.77.0.1")),
		"another address":    message(stranger, dhcpv4.MessageTypeRelease, ciaddr("10.77.0.130"), server("10.77.0.1")),
		"in option 50":       message(stranger, dhcpv4.MessageTypeRelease, requested(first), server("10.77.0.1")),
	} {
		if r := b.ask(msg); r != nil || !b.lease(stranger).Expires.After(b.now) {
			t.Errorf("released %s: %v", name, r)
		}
	}
	b.ask(message(stranger, dhcpv4.MessageTypeRelease, ciaddr(first), server("10.77.0.1")))
	if l := b.lease(stranger); l.Expires.After(b.now) {
		t.Errorf("lease %+v", l)
	}
	if again := b.join(stranger); again != first {
		t.Errorf("got %s, before %s", again, first)
	}
}

// TestDecline checks that a declined address is withheld for a while, and that only its
// holder can decline it.
func TestDecline(t *testing.T) {
	b := newTestServer(t)
	first := b.join(stranger)
	b.kinds()
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	b.ask(message(other, dhcpv4.MessageTypeDecline, requested(first), server("10.77.0.1")))
	b.ask(message(stranger, dhcpv4.MessageTypeDecline, requested(first), server("10.77.0.66")))
	b.ask(message(stranger, dhcpv4.MessageTypeDecline, requested(first)))
	b.ask(message(stranger, dhcpv4.MessageTypeDecline, requested("10.77.0.130"), server("10.77.0.1")))
	b.ask(message(stranger, dhcpv4.MessageTypeDecline, ciaddr(first), server("10.77.0.1")))
	b.wantKinds()
	b.ask(message(stranger, dhcpv4.MessageTypeDecline, requested(first), server("10.77.0.1")))
	if e := b.events[0]; !strings.Contains(e.Message, "the address is withheld for 10m0s") || e.Level != provision.LevelWarn || e.Fields["address"] != first {
		t.Errorf("event %+v", e)
	}
	b.wantKinds(stranger.String() + " decline")
	if b.lease(stranger) != nil {
		t.Error("the lease is still there")
	}
	if second := b.join(stranger); second == first {
		t.Errorf("got %s again", first)
	}
	b.now = b.now.Add(declineHold + time.Hour + time.Minute)
	if r := b.ask(requestMessage(other, requested(first))); r == nil || r.MessageType() != ack {
		t.Errorf("after a while: %v", r)
	}
}

// TestDeclineReserved checks that a host keeps its reserved address, whatever machine uses
// it, and that its lease stays while the host is being installed. The problem is reported
// once a minute. No other host gets the address.
func TestDeclineReserved(t *testing.T) {
	for _, underWay := range []bool{false, true} {
		b := newTestServer(t)
		b.arm("web1")
		b.UnderWay = func(host string) bool { return underWay && host == "web1" }
		for range 3 {
			if got := b.join(web1); got != "10.77.0.130" {
				t.Fatalf("got %s", got)
			}
			b.ask(message(web1, dhcpv4.MessageTypeDecline, requested("10.77.0.130"), server("10.77.0.1")))
			if l := b.lease(web1); underWay != (l != nil && l.Address == "10.77.0.130") {
				t.Errorf("under way %v: the lease is %+v", underWay, l)
			}
		}
		var declines []provision.Event
		for _, e := range b.events {
			if e.Kind == "decline" {
				declines = append(declines, e)
			}
		}
		if len(declines) != 1 || declines[0].Host != "web1" || declines[0].Level != provision.LevelWarn || !strings.Contains(declines[0].Message, "it is reserved for this host") {
			t.Errorf("events %+v", declines)
		}
		if r := b.ask(discover(stranger, requested("10.77.0.130"))); r == nil || r.YourIPAddr.String() == "10.77.0.130" {
			t.Errorf("another client is offered it: %v", r)
		}
	}
}

// TestDeclineDynamic checks the same for another card of the host, with an address of the
// range. It gets another address when it asks.
func TestDeclineDynamic(t *testing.T) {
	b := newTestServer(t)
	b.UnderWay = func(host string) bool { return host == "web1" }
	second := b.snap.Hosts["web1"].MACs[0]
	second[5] ^= 0x80
	b.snap.Hosts["web1"].MACs = append(b.snap.Hosts["web1"].MACs, second)
	b.join(web1)
	first := b.join(second)
	if first == "10.77.0.130" {
		t.Fatal("it has the host's address")
	}
	b.ask(message(second, dhcpv4.MessageTypeDecline, requested(first), server("10.77.0.1")))
	if l := b.lease(second); l == nil || l.Address != first {
		t.Errorf("the lease is %+v", l)
	}
	if again := b.join(second); again == first || b.lease(second).Address != again {
		t.Errorf("it has %s again, lease %+v", again, b.lease(second))
	}
}

// TestClientIDIgnored checks that a box is identified by its hardware address. It has one
// address whatever its client-id, and two boxes with one client-id have two.
func TestClientIDIgnored(t *testing.T) {
	b := newTestServer(t)
	ids := []option{
		func(*dhcpv4.DHCPv4) {}, raw(61, "\x01RT\x00\x99\x00\x01"), raw(61, "\xff\x12\x34\x56\x78duid"),
		raw(61, "\x00cloned"), raw(61, ""), raw(61, strings.Repeat("x", 255)),
	}
	first := b.join(stranger)
	for _, id := range ids {
		if got := b.join(stranger, id); got != first {
			t.Errorf("got %s, before %s", got, first)
		}
		if r := b.ask(requestMessage(stranger, id, ciaddr(first))); r == nil || r.MessageType() != ack {
			t.Errorf("renewing with another client-id: %v", r)
		}
	}
	if len(b.table.byMAC) != 1 || len(b.table.byAddr) != 1 {
		t.Errorf("%d boxes hold %d addresses", len(b.table.byMAC), len(b.table.byAddr))
	}
	if got := b.join(inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}, raw(61, "\x00cloned")); got == first {
		t.Errorf("two boxes have %s", got)
	}
}
