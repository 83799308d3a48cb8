package trace

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rackhand/inventory"
)

const (
	// holderFor is how long the holder of an address is remembered. A lease that changes
	// hands through this appliance is looked up at once.
	holderFor  = 10 * time.Second
	holderMost = 1 << 12 // addresses
	// lookups is how many addresses are looked up a second, and lookupsBurst how many at
	// once: each may search all leases.
	lookups, lookupsBurst = 50, 200
)

// holders remember which box has an address.
type holders struct {
	find  func(netip.Addr) (inventory.MAC, bool)
	clock func() time.Time
	limit *rate.Limiter

	mu    sync.Mutex
	known map[netip.Addr]holder
}

type holder struct {
	mac   inventory.MAC
	until time.Time
}

func newHolders(find func(netip.Addr) (inventory.MAC, bool), clock func() time.Time) holders {
	return holders{find: find, clock: clock, limit: rate.NewLimiter(lookups, lookupsBurst), known: map[netip.Addr]holder{}}
}

// of returns the box that has an address. It may be slow.
func (h *holders) of(addr netip.Addr) (inventory.MAC, bool) {
	now := h.clock()
	h.mu.Lock()
	x, ok := h.known[addr]
	h.mu.Unlock()
	if ok && now.Before(x.until) {
		return x.mac, true
	}
	if !addr.IsValid() || !h.limit.AllowN(now, 1) {
		return inventory.MAC{}, false
	}
	mac, ok := h.find(addr)
	if !ok {
		return inventory.MAC{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) >= holderMost {
		clear(h.known)
	}
	h.known[addr] = holder{mac, now.Add(holderFor)}
	return mac, true
}

// forget makes the next question about an address a look-up.
func (h *holders) forget(addr netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, addr)
}
