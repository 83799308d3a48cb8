package dhcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// How long an offered address is held for its client, and how long an address is withheld
// after another machine was found on it.
const (
	offerHold   = time.Minute
	declineHold = 10 * time.Minute
)

// maxScan bounds the search for a free address in a range.
const maxScan = 1 << 16

// Reasons why a client gets no address.
var (
	errNoRange      = errors.New("the network has no `leases` range for unclaimed boxes")
	errExhausted    = errors.New("every address of the `leases` range is taken")
	errOurAddress   = errors.New("the host's address is our own")
	errContested    = errors.New("another card of the host has its address: a probe finds out which one uses it")
	errWrongNetwork = errors.New("the host's address belongs to another network than the one it asks from")
)

// A slot is a MAC's hold on an address: an acknowledged lease, an offer that wasn't
// acknowledged yet, or an expired lease whose address no other MAC has needed.
type slot struct {
	addr  netip.Addr
	until time.Time        // after this, others may get the address
	lease *provision.Lease // nil for an offer
	acked time.Time        // the last acknowledgement; zero after a restart
}

// A table records which MAC holds which address. It is in memory only, and its caller does
// the locking. It never holds more slots than the ranges and the hosts have addresses.
type table struct {
	byMAC    map[inventory.MAC]slot
	byAddr   map[netip.Addr]inventory.MAC
	declined map[netip.Addr]time.Time // the end of the time that the address is withheld
	// moving holds leases of MACs that are about to get another address. Their clients
	// don't know that yet: the offer may be ignored, or the new lease may never reach the
	// disk. Until then no other MAC gets the old address.
	moving map[netip.Addr]movingLease
	// sighted holds the cards that were found on their hosts' addresses: see claimOf.
	sighted map[netip.Addr]sighting
	// full holds the networks whose range was found full, by name, and how long that is
	// believed. So a flood of invented boxes doesn't cause a search for each packet.
	full map[string]time.Time
}

// A movingLease is a lease that a MAC keeps until it ends, or until the new lease is
// acknowledged.
type movingLease struct {
	mac   inventory.MAC
	until time.Time
}

// fullFor is how long a range counts as full after a search found it full.
const fullFor = time.Second

func newTable() *table {
	return &table{
		byMAC: map[inventory.MAC]slot{}, byAddr: map[netip.Addr]inventory.MAC{},
		declined: map[netip.Addr]time.Time{}, moving: map[netip.Addr]movingLease{}, sighted: map[netip.Addr]sighting{}, full: map[string]time.Time{},
	}
}

// load puts a record of the store into the table. Of two records for one address the one
// that ends later wins: the other was about to be deleted.
func (t *table) load(value []byte) error {
	var l provision.Lease
	if err := json.Unmarshal(value, &l); err != nil {
		return fmt.Errorf("read lease: %w", err)
	}
	mac, err := inventory.ParseMAC(l.MAC)
	if err != nil {
		return fmt.Errorf("read lease: %w", err)
	}
	addr, err := netip.ParseAddr(l.Address)
	if err != nil || !addr.Is4() {
		return fmt.Errorf("read lease of %s: %q isn't an IPv4 address", mac, l.Address)
	}
	if owner, taken := t.byAddr[addr]; taken && t.byMAC[owner].until.After(l.Expires) {
		return nil
	}
	t.put(mac, slot{addr: addr, until: l.Expires, lease: &l})
	return nil
}

// put gives an address to a MAC and takes it from its previous holder. The MAC's lease of
// another address moves to t.moving.
func (t *table) put(mac inventory.MAC, s slot) {
	if before := t.byMAC[mac]; before.lease != nil && before.addr != s.addr {
		t.moving[before.addr] = movingLease{mac, before.until}
	}
	t.drop(mac)
	if old, taken := t.byAddr[s.addr]; taken {
		t.drop(old)
	}
	t.byMAC[mac], t.byAddr[s.addr] = s, mac
	delete(t.moving, s.addr)
}

// acknowledged ends the moving leases of a MAC that was acknowledged an address, and those
// that have expired.
func (t *table) acknowledged(mac inventory.MAC, addr string, now time.Time) {
	for a, k := range t.moving {
		if k.mac == mac && a.String() != addr || !k.until.After(now) {
			delete(t.moving, a)
			clear(t.full)
		}
	}
}

func (t *table) drop(mac inventory.MAC) {
	if s, ok := t.byMAC[mac]; ok {
		delete(t.byMAC, mac)
		delete(t.byAddr, s.addr)
		clear(t.full)
	}
}

// address is the address that a MAC has or may get on a network. It changes nothing. want
// is the address that the client asks for; invalid for none. guarded means that a host's
// address moves to another card only after a probe: until then the error is errContested.
func (t *table) address(snap *inventory.Snapshot, n *inventory.Network, server netip.Addr, mac inventory.MAC, want netip.Addr, guarded bool, now time.Time) (netip.Addr, error) {
	if reserved := reservation(snap, mac); reserved.IsValid() {
		switch {
		case !n.Subnet.Contains(reserved):
			return netip.Addr{}, errWrongNetwork
		case reserved == server:
			return netip.Addr{}, errOurAddress
		}
		c := claimGranted
		if host := snap.HostByMAC(mac); host != nil {
			c, _ = t.claim(host, mac, guarded, now)
		}
		switch c {
		case claimGranted:
			return reserved, nil
		case claimUnknown, claimPending:
			return netip.Addr{}, errContested
		}
	}
	if !n.Leases.First.Is4() || !n.Leases.Last.Is4() || n.Leases.Last.Less(n.Leases.First) {
		return netip.Addr{}, errNoRange
	}
	free := func(a netip.Addr) bool {
		owner, taken := t.byAddr[a]
		if k := t.moving[a]; k.mac != mac && k.until.After(now) {
			return false
		}
		return n.Leases.Contains(a) && n.Subnet.Contains(a) && a != server && a != n.Gateway &&
			!t.declined[a].After(now) && !(taken && owner != mac && t.byMAC[owner].until.After(now)) &&
			!slices.Contains(n.DNS, a) && snap.HostByAddress(a) == nil && !snap.IsBMC(a)
	}
	if s, ok := t.byMAC[mac]; ok && free(s.addr) {
		return s.addr, nil
	}
	if _, taken := t.byAddr[want]; !taken && free(want) {
		return want, nil
	}
	if until := t.full[n.Name]; now.Before(until) && until.Sub(now) <= fullFor {
		return netip.Addr{}, errExhausted
	}
	addr, err := t.pick(n.Leases, mac, free)
	if err != nil {
		t.full[n.Name] = now.Add(fullFor)
	}
	return addr, err
}

// reservation is the address that the inventory has for a MAC: that of its host, or of the
// BMC with that MAC; invalid for none.
func reservation(snap *inventory.Snapshot, mac inventory.MAC) netip.Addr {
	if host := snap.HostByMAC(mac); host != nil {
		return host.Address
	}
	if host := snap.HostByBMC(mac); host != nil {
		return host.BMC.Address.Addr()
	}
	return netip.Addr{}
}

// pick finds a free address in a range. It starts at a position derived from the MAC, so a
// box gets the same address even when its lease was forgotten long ago. It prefers an
// address that was never leased, then the one whose lease expired first.
func (t *table) pick(r inventory.Range, mac inventory.MAC, free func(netip.Addr) bool) (netip.Addr, error) {
	first, last := inventory.Number(r.First), inventory.Number(r.Last)
	size := min(uint64(last)-uint64(first)+1, maxScan)
	h := fnv.New32a()
	_, _ = h.Write(mac[:])
	start := uint64(h.Sum32()) % size
	var oldest netip.Addr
	for i := range size {
		a := inventory.AddressOf(first + uint32((start+i)%size))
		if !free(a) {
			continue
		}
		owner, taken := t.byAddr[a]
		if !taken {
			return a, nil
		}
		if !oldest.IsValid() || t.byMAC[owner].until.Before(t.byMAC[t.byAddr[oldest]].until) {
			oldest = a
		}
	}
	if !oldest.IsValid() {
		return netip.Addr{}, errExhausted
	}
	return oldest, nil
}

// Cards of one host share its address. While an install or job of the host is under way,
// another card's REQUEST alone doesn't take the address from the card that has it, since
// any machine can send one. A probe first finds out which card uses the address. Until then
// the card that asked gets no answer, and asks again.
const (
	// settling is how long a card needn't answer after it was acknowledged the address: the
	// client first checks whether the address is in use, and has to load a boot program.
	settling = 10 * time.Second
	// sightedFor is how long the result of a probe is believed: until the card asks again.
	sightedFor = 30 * time.Second
)

// A sighting is the card that answered at its host's address; the zero MAC when none did.
type sighting struct {
	by inventory.MAC
	at time.Time
}

// A claim is the verdict on a card that asks for its host's address.
type claim int

const (
	claimGranted claim = iota
	claimRefused       // another card has the address
	claimUnknown       // the network has to be asked
	claimPending       // the other card was acknowledged the address just now
)

// claimOf judges a card that asks for its host's address. before is another card's hold on
// it, and seen the card that was found there. When nothing is under way, or no probe is
// possible, the host's first card always gets the address, and another card gets it when it
// is free.
func claimOf(first, guarded bool, owner inventory.MAC, before slot, seen sighting, now time.Time) claim {
	within := func(at time.Time, d time.Duration) bool { return !now.Before(at) && now.Sub(at) < d }
	switch {
	case !before.until.After(now), !guarded && first, guarded && before.lease == nil:
		return claimGranted
	case !guarded, within(seen.at, sightedFor) && seen.by == owner:
		return claimRefused
	case within(seen.at, sightedFor):
		return claimGranted
	case within(before.acked, settling):
		return claimPending
	}
	return claimUnknown
}

// claim judges a card that asks for its host's address. guarded means that the address
// moves to another card only after a probe. by is the card that has the address, when there
// is one.
func (t *table) claim(host *inventory.Host, mac inventory.MAC, guarded bool, now time.Time) (c claim, by inventory.MAC) {
	owner, taken := t.byAddr[host.Address]
	if !taken || owner == mac || !slices.Contains(host.MACs, owner) {
		return claimGranted, owner
	}
	return claimOf(mac == host.MACs[0], guarded, owner, t.byMAC[owner], t.sighted[host.Address], now), owner
}

// hold keeps an address for the client that it is offered to.
func (t *table) hold(mac inventory.MAC, addr netip.Addr, now time.Time) {
	until := now.Add(offerHold)
	s, ok := t.byMAC[mac]
	if ok && s.addr == addr {
		if s.until.Before(until) {
			s.until = until
		}
		t.byMAC[mac] = s
		return
	}
	t.put(mac, slot{addr: addr, until: until})
}

// bind adds a lease that is about to be acknowledged.
func (t *table) bind(mac inventory.MAC, addr netip.Addr, l *provision.Lease, now time.Time) {
	t.put(mac, slot{addr: addr, until: l.Expires, lease: l, acked: now})
	delete(t.sighted, addr)
}

// decline takes an address from its holder, and out of use for a while.
func (t *table) decline(mac inventory.MAC, addr netip.Addr, now time.Time) {
	t.drop(mac)
	t.withhold(addr, now)
}

// withhold takes an address out of use for a while. Only its reservation still counts: not
// even its present holder gets it again.
func (t *table) withhold(addr netip.Addr, now time.Time) {
	for a, until := range t.declined {
		if !until.After(now) {
			delete(t.declined, a)
		}
	}
	t.declined[addr] = now.Add(declineHold)
}
