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

// observedMost bounds what is known of boxes that aren't in the inventory: anybody can
// claim to be as many as he likes.
const observedMost = 1 << 14

// heard knows the leases of other servers, as far as their clients were heard to
// ask for them. It is apart from the table, which gives addresses: nothing in here
// is ours to give. One MAC holds one address and one address belongs to one MAC, as
// in the table: who asks for an address that another had, has it now.
type observedLeases struct {
	mu     sync.Mutex
	byMAC  map[inventory.MAC]provision.Lease
	byAddr map[netip.Addr]inventory.MAC
	// fullUntil is how long that nobody makes room is believed, so that a flood doesn't pay
	// for a search each time.
	fullUntil time.Time
}

func newObservedLeases() *observedLeases {
	return &observedLeases{byMAC: map[inventory.MAC]provision.Lease{}, byAddr: map[netip.Addr]inventory.MAC{}}
}

// load takes a record of the store when it is of another server, and reports
// whether it was.
func (h *observedLeases) load(value []byte) bool {
	var l provision.Lease
	if err := json.Unmarshal(value, &l); err != nil || l.Server == "" {
		return false
	}
	mac, err := inventory.ParseMAC(l.MAC)
	addr, err2 := netip.ParseAddr(l.Address)
	if err != nil || err2 != nil {
		return true // of no use to anybody
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put(mac, addr, l)
	return true
}

// put enters a lease; the caller holds the lock. It returns the MAC that had the
// address before, nil for none.
func (h *observedLeases) put(mac inventory.MAC, addr netip.Addr, l provision.Lease) (displaced *inventory.MAC) {
	h.drop(mac)
	if old, taken := h.byAddr[addr]; taken {
		h.drop(old)
		displaced = &old
	}
	h.byMAC[mac], h.byAddr[addr] = l, mac
	return displaced
}

// drop forgets a MAC; the caller holds the lock.
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

// full reports whether no more strangers are taken in: there are too many, and none of
// them was silent for the length of a lease.
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

// strangerExpired reports whether a stranger's lease has ended.
func strangerExpired(l provision.Lease, now time.Time) bool {
	return l.Host == "" && !l.Expires.After(now)
}

// makeRoom forgets strangers whose leases have ended, as many as go with one transaction,
// when there are too many; the caller holds the lock. It returns their addresses.
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

// holds reports whether one of these cards was heard to ask for the address.
func (h *observedLeases) holds(addr netip.Addr, macs []inventory.MAC) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	owner, ok := h.byAddr[addr]
	return ok && slices.Contains(macs, owner)
}
