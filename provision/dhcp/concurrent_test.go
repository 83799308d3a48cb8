package dhcp

import (
	"net/netip"
	"sync"
	"testing"

	"rackhand/inventory"
)

// TestRackPowersOn checks that many boxes at once, each in its own goroutine as in Run, get
// an address each, and that the store has all of them.
func TestRackPowersOn(t *testing.T) {
	const boxes = 60
	b := newTestServer(t)
	b.snap.Networks["rack1"].Leases = inventory.Range{First: netip.MustParseAddr("10.77.0.140"), Last: netip.MustParseAddr("10.77.0.199")}
	var mu sync.Mutex
	got := map[string]inventory.MAC{}
	var wg sync.WaitGroup
	for n := range byte(boxes) {
		wg.Go(func() {
			mac := inventory.MAC{0x52, 0x54, 0, 0x99, 2, n}
			offer := b.ask(discover(mac, pxe))
			if offer == nil {
				t.Errorf("%s: no offer", mac)
				return
			}
			addr := offer.YourIPAddr.String()
			if r := b.ask(requestMessage(mac, pxe, server("10.77.0.1"), requested(addr))); r == nil || r.MessageType() != ack {
				t.Errorf("%s: no acknowledgement of %s", mac, addr)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if other, taken := got[addr]; taken {
				t.Errorf("%s and %s both got %s", mac, other, addr)
			}
			got[addr] = mac
		})
	}
	wg.Wait()
	for addr, mac := range got {
		if l := b.lease(mac); l == nil || l.Address != addr {
			t.Errorf("%s was given %s, its lease is %v", mac, addr, l)
		}
	}
	if len(got) != boxes {
		t.Errorf("%d of %d boxes have an address", len(got), boxes)
	}
}
