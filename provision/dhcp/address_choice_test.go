package dhcp

import (
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
)

// TestExhausted checks that offers are held, that an event reports a full range, and that
// an expired address goes to a new box together with its record.
func TestExhausted(t *testing.T) {
	b := newTestServer(t)
	box := func(n byte) inventory.MAC { return inventory.MAC{0x52, 0x54, 0, 0x99, 1, n} }
	got := map[string]bool{}
	for n := range byte(4) {
		got[b.ask(discover(box(n))).YourIPAddr.String()] = true
	}
	if len(got) != 4 {
		t.Fatalf("four boxes were offered %v", got)
	}
	if r := b.ask(discover(box(4))); r != nil {
		t.Fatalf("a fifth one was offered %s", r.YourIPAddr)
	}
	for range 3 {
		b.ask(discover(box(4)))
	}
	kinds := b.kinds()
	if n := strings.Count(strings.Join(kinds, ","), "exhausted"); n != 1 {
		t.Errorf("events %q", kinds)
	}
	b.now = b.now.Add(2 * offerHold) // no client took the offers
	for n := byte(4); n < 8; n++ {
		b.join(box(n))
	}
	b.now = b.now.Add(time.Minute)
	b.join(box(5)) // renewed, so the others expire first
	b.now = b.now.Add(time.Hour)
	taken := b.join(box(9))
	gone := 0
	for n := byte(4); n < 8; n++ {
		l := b.lease(box(n))
		if l == nil {
			gone++
		} else if l.Address == taken {
			t.Errorf("two records for %s", taken)
		}
	}
	if gone != 1 || b.lease(box(5)) == nil {
		t.Errorf("%d records gave way, that of the renewed box: %v", gone, b.lease(box(5)))
	}
}

// TestClaimed checks a box that is claimed while it holds an address of the range. It is
// refused that address and gets its own.
func TestClaimed(t *testing.T) {
	b := newTestServer(t)
	before := b.join(stranger)
	b.kinds()
	b.snap = snapshot()
	b.snap.Hosts["new"] = &inventory.Host{Name: "new", MACs: []inventory.MAC{stranger}, Address: serverAddr.Next().Next().Next()}
	if r := b.ask(requestMessage(stranger, ciaddr(before))); r.MessageType() != nak {
		t.Fatalf("the old address: %s", r.MessageType())
	}
	if got := b.join(stranger); got != "10.77.0.4" {
		t.Fatalf("got %s", got)
	}
	b.wantKinds("new nak", "new ack")
	if l := b.lease(stranger); l.Address != "10.77.0.4" || l.Host != "new" {
		t.Errorf("lease %+v", l)
	}
}

func TestOurAddress(t *testing.T) {
	b := newTestServer(t)
	b.snap.Hosts["web1"].Address = serverAddr
	b.arm("web1")
	if r := b.ask(discover(web1, pxe)); r != nil {
		t.Errorf("got %s", r.YourIPAddr)
	}
	b.wantKinds("web1 our-address")
}

func TestWrongNetwork(t *testing.T) {
	b := newTestServer(t)
	b.arm("away")
	for range 3 {
		if r := b.ask(discover(away, pxe)); r != nil {
			t.Errorf("got %s", r.YourIPAddr)
		}
	}
	b.wantKinds("away wrong-network")
	if r := b.ask(discover(away, pxe, relayed("10.78.0.1"))); r == nil || r.YourIPAddr.String() != "10.78.0.44" {
		t.Errorf("through the relay of its own network: %v", r)
	}
}
