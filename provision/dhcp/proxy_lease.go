package dhcp

import (
	"encoding/json"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/store"
)

// observedMost bounds the observed leases of boxes outside the inventory. One machine can
// claim to be any number of boxes.
const observedMost = 1 << 14

// observedLeases are leases of other servers, known from their clients' REQUESTs. They are
// separate from the table because we must not assign their addresses. As in the table, one
// MAC holds one address, and one address belongs to one MAC: the latest to ask for it.
type observedLeases struct {
	mu     sync.Mutex
	byMAC  map[inventory.MAC]provision.Lease
	byAddr map[netip.Addr]inventory.MAC
	// fullUntil is how long full returns true without a search, so that a flood doesn't
	// cause a search for each packet.
	fullUntil time.Time
}

func newObservedLeases() *observedLeases {
	return &observedLeases{byMAC: map[inventory.MAC]provision.Lease{}, byAddr: map[netip.Addr]inventory.MAC{}}
}

// load takes a record of the store if another server gave that lease, and reports whether
// it did.
func (h *observedLeases) load(value []byte) bool {
	var l provision.Lease
	if err := json.Unmarshal(value, &l); err != nil || l.Server == "" {
		return false
	}
	mac, err := inventory.ParseMAC(l.MAC)
	addr, err2 := netip.ParseAddr(l.Address)
	if err != nil || err2 != nil {
		return true // unusable
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put(mac, addr, l)
	return true
}

// put adds a lease; the caller holds the lock. It returns the MAC that had the address
// before; nil for none.
func (h *observedLeases) put(mac inventory.MAC, addr netip.Addr, l provision.Lease) (displaced *inventory.MAC) {
	h.drop(mac)
	if old, taken := h.byAddr[addr]; taken {
		h.drop(old)
		displaced = &old
	}
	h.byMAC[mac], h.byAddr[addr] = l, mac
	return displaced
}

// drop removes a MAC; the caller holds the lock.
func (h *observedLeases) drop(mac inventory.MAC) {
	l, ok := h.byMAC[mac]
	if !ok {
		return
	}
	delete(h.byMAC, mac)
	if addr, err := netip.ParseAddr(l.Address); err == nil {
		delete(h.byAddr, addr)
	}
}

func (h *observedLeases) get(mac inventory.MAC) (provision.Lease, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.byMAC[mac]
	return l, ok
}

// full reports whether boxes outside the inventory are no longer added: there are too many,
// and all of their leases are still valid.
func (h *observedLeases) full(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch left := h.fullUntil.Sub(now); {
	case len(h.byMAC) < observedMost:
		return false
	case left > 0 && left <= fullFor:
		return true
	}
	for _, l := range h.byMAC {
		if strangerExpired(l, now) {
			return false
		}
	}
	h.fullUntil = now.Add(fullFor)
	return true
}

// strangerExpired reports whether the lease of a box outside the inventory has ended.
func strangerExpired(l provision.Lease, now time.Time) bool {
	return l.Host == "" && !l.Expires.After(now)
}

// makeRoom removes expired boxes outside the inventory when there are too many, as many as
// fit in one transaction. The caller holds the lock. It returns their addresses.
func (h *observedLeases) makeRoom(now time.Time) (gone map[inventory.MAC]string) {
	const atOnce = store.MaxOps / 2
	if len(h.byMAC) < observedMost {
		return nil
	}
	gone = map[inventory.MAC]string{}
	for mac, l := range h.byMAC {
		if len(gone) < atOnce && strangerExpired(l, now) {
			gone[mac] = l.Address
		}
	}
	for mac := range gone {
		h.drop(mac)
	}
	return gone
}

// holds reports whether one of these cards was observed to ask for the address.
func (h *observedLeases) holds(addr netip.Addr, macs []inventory.MAC) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	owner, ok := h.byAddr[addr]
	return ok && slices.Contains(macs, owner)
}
