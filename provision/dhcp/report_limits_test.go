package dhcp

import (
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestTellsSparingly: a card that takes its lease again and again fills no journal, and
// costs nobody else a word; what it does after a minute is told again.
func TestTellsSparingly(t *testing.T) {
	for name, tc := range map[string]struct {
		bench func(*testing.T) *testServer
		join  func(*testServer)
		kind  string
	}{
		"ours":    {func(t *testing.T) *testServer { return newTestServer(t) }, func(b *testServer) { b.join(web1, pxe) }, "web1 ack"},
		"a proxy": {func(t *testing.T) *testServer { return newProxy(t) }, func(b *testServer) { b.ask(requestMessage(web1, pxe, server("10.77.0.66"), requested("10.77.0.130"))) }, "web1 observed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.bench(t)
			want := slices.Repeat([]string{tc.kind}, leaseReportsMost)
			for range 100 {
				tc.join(b)
			}
			got := b.kinds()
			if name == "ours" {
				b.join(web2, pxe)
				b.wantKinds("web2 ack")
			}
			if !slices.Equal(got, append(want, "web1 often")) {
				t.Errorf("events %q", got)
			}
			b.now = b.now.Add(time.Minute)
			tc.join(b)
			b.wantKinds(tc.kind)
		})
	}
}

// TestFewRefusals: wrong REQUESTs of made-up clients aren't all answered with a broadcast;
// those of hosts are, and so are those of others a while later.
func TestFewRefusals(t *testing.T) {
	b := newTestServer(t)
	wrong := func(mac inventory.MAC) bool {
		return b.ask(requestMessage(mac, server("10.77.0.1"), requested("192.0.2.1"))) != nil
	}
	told := 0
	for n := range uint16(3 * refusalsBurst) {
		if wrong(inventory.MAC{0x52, 0x54, 0, 0x99, byte(n >> 8), byte(n)}) {
			told++
		}
	}
	if told != refusalsBurst {
		t.Errorf("%d were refused, want %d", told, refusalsBurst)
	}
	if !wrong(web1) {
		t.Error("a host isn't told")
	}
	b.now = b.now.Add(time.Second)
	if !wrong(inventory.MAC{0x52, 0x54, 0, 0x98, 0, 1}) {
		t.Error("nobody is told ever again")
	}
}

// TestFloodHidesNothing: boxes that are refused by the hundred, or asks that are no
// packets, hide neither that the range is full nor what is wrong with a host.
func TestFloodHidesNothing(t *testing.T) {
	b := newTestServer(t)
	for n := range uint16(300) {
		mac := inventory.MAC{0x52, 0x54, 0, 0x99, byte(n >> 8), byte(n)}
		b.ask(requestMessage(mac, requested("192.0.2.1"), server("10.77.0.1")))
		bad := discover(mac)
		bad.OpCode = dhcpv4.OpcodeBootReply
		b.ask(bad)
	}
	b.ask(discover(away, pxe))
	told := map[string]int{}
	for _, e := range b.events {
		told[e.Kind]++
	}
	if told["nak"] != provision.FloodMost || told["bad-packet"] != provision.FloodMost || told["exhausted"] != 1 || told["wrong-network"] != 1 || told["unclaimed"] != 300 {
		t.Errorf("told of %v", told)
	}
}
