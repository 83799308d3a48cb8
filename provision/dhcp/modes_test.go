package dhcp

import (
	"context"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// TestModes checks that mode off answers no packet, and that authoritative answers only
// where it is allowed.
func TestModes(t *testing.T) {
	every := []*dhcpv4.DHCPv4{
		discover(web1), discover(web1, pxe), discover(stranger, ipxe), requestMessage(web1, requested("10.77.0.130")), requestMessage(web1, ciaddr("10.77.0.9")),
		requestMessage(web1, server("10.77.0.1"), requested("10.77.0.130")), message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.130")),
		message(web1, dhcpv4.MessageTypeDecline, server("10.77.0.1"), requested("10.77.0.130")), message(web1, dhcpv4.MessageTypeRelease, ciaddr("10.77.0.130")),
	}
	for name, prepare := range map[string]func(*testServer){
		"off":     func(b *testServer) { b.snap.Networks["rack1"].DHCP = inventory.DHCPOff },
		"unknown": func(b *testServer) { b.snap.Networks["rack1"].DHCP = "mode of a later version" },
		"may not": func(b *testServer) {
			b.MayServe = func(n *inventory.Network) error {
				if n.Name == "rack1" {
					return context.DeadlineExceeded
				}
				return nil
			}
		},
	} {
		b := newTestServer(t)
		b.arm("web1")
		prepare(b)
		for _, msg := range every {
			if r := b.ask(msg); r != nil {
				t.Errorf("%s: %s was answered: %s", name, msg.MessageType(), r.Summary())
			}
		}
		b.wantKinds()
		if b.lease(web1) != nil || len(b.table.byMAC) != 0 {
			t.Errorf("%s: something is held", name)
		}
		if r := b.ask(discover(away, relayed("10.78.0.1"))); r == nil {
			t.Errorf("%s: the other network isn't served", name)
		}
	}
	b := newTestServer(t)
	b.MayServe = func(*inventory.Network) error { return nil }
	if b.ask(discover(web1)) == nil {
		t.Error("allowed to serve, but silent")
	}
}

// TestOtherServerToo checks a network where another server answers as well: an address
// without a record is left to it, but an address of a wrong network is refused.
func TestOtherServerToo(t *testing.T) {
	for _, tc := range []struct {
		name string
		msg  *dhcpv4.DHCPv4
		want dhcpv4.MessageType
	}{
		{"unknown, init-reboot", requestMessage(stranger, requested("10.77.0.50")), 0},
		{"unknown, init-reboot in our range", requestMessage(stranger, requested("10.77.0.201")), 0},
		{"unknown, rebinding", requestMessage(stranger, ciaddr("10.77.0.50")), 0},
		{"unknown, init-reboot on the wrong network", requestMessage(stranger, requested("192.0.2.7")), nak},
		{"unknown, selecting us", requestMessage(stranger, server("10.77.0.1"), requested("10.77.0.201")), ack},
		{"unknown, discover", discover(stranger), offer},
		{"host, init-reboot", requestMessage(web1, requested("10.77.0.130")), ack},
		{"host, init-reboot with a wrong address", requestMessage(web1, requested("10.77.0.50")), nak},
		{"host, rebinding", requestMessage(web1, ciaddr("10.77.0.50")), nak},
	} {
		b := newTestServer(t)
		b.snap.Networks["rack1"].AllowOtherDHCP = true
		r := b.ask(tc.msg)
		if r == nil || tc.want == 0 {
			if r != nil || tc.want != 0 {
				t.Errorf("%s: %v", tc.name, r)
			}
			if len(b.table.byMAC) != 0 {
				t.Errorf("%s: an address is held", tc.name)
			}
			continue
		}
		if r.MessageType() != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, r.MessageType(), tc.want)
		}
	}
	b := newTestServer(t)
	b.snap.Networks["rack1"].AllowOtherDHCP = true
	addr := b.join(stranger)
	if r := b.ask(requestMessage(stranger, requested(addr))); r == nil || r.MessageType() != ack {
		t.Errorf("a box that we gave an address comes back: %v", r)
	}
	if !slices.Contains([]string{"10.77.0.200", "10.77.0.201", "10.77.0.202", "10.77.0.203"}, addr) {
		t.Errorf("got %s", addr)
	}
}
