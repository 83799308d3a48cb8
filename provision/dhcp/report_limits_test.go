package dhcp

import (
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestReportsBounded checks that a card that takes its lease again and again doesn't fill
// the journal, and affects no other card's events. It is reported again after a minute.
func TestReportsBounded(t *testing.T) {
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

// TestNAKsBounded checks that not every wrong REQUEST of invented clients gets a NAK. Those
// of hosts do, and those of others a while later.
func TestNAKsBounded(t *testing.T) {
	b := newTestServer(t)
	wrong := func(mac inventory.MAC) bool {
		return b.ask(requestMessage(mac, server("10.77.0.1"), requested("192.0.2.1"))) != nil
	}
	sent := 0
	for n := range uint16(3 * refusalsBurst) {
		if wrong(inventory.MAC{0x52, 0x54, 0, 0x99, byte(n >> 8), byte(n)}) {
			sent++
		}
	}
	if sent != refusalsBurst {
		t.Errorf("%d were refused, want %d", sent, refusalsBurst)
	}
	if !wrong(web1) {
		t.Error("a host got no NAK")
	}
	b.now = b.now.Add(time.Second)
	if !wrong(inventory.MAC{0x52, 0x54, 0, 0x98, 0, 1}) {
		t.Error("no NAK is sent ever again")
	}
}

// TestFloodHidesNothing checks that floods of refused boxes and bad packets hide neither a
// full range nor the problems of a host.
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
	kinds := map[string]int{}
	for _, e := range b.events {
		kinds[e.Kind]++
	}
	if kinds["nak"] != provision.FloodMost || kinds["bad-packet"] != provision.FloodMost || kinds["exhausted"] != 1 || kinds["wrong-network"] != 1 || kinds["unclaimed"] != 300 {
		t.Errorf("events %v", kinds)
	}
}
