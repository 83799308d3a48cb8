package dhcp

import (
	"context"
	"fmt"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
)

// load reads the leases from the store. A record that can't be read is logged and skipped:
// its box gets a new lease.
func (s *Server) load(ctx context.Context) error {
	records, _, err := s.Store.List(ctx, LeasePrefix)
	if err != nil {
		return fmt.Errorf("load leases: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onDisk = map[string]inventory.MAC{}
	for _, r := range records {
		if s.observed.load(r.Value) {
			continue // another server's lease: the table must never offer its address
		}
		if err := s.table.load(r.Value); err != nil {
			s.Log.Error("dhcp: a lease that can't be read was skipped", "key", r.Key, "error", err)
		}
	}
	for mac, held := range s.table.byMAC {
		s.onDisk[held.addr.String()] = mac
	}
	return nil
}

// bind gives the client its lease: in the table at once, and in the store with w, which it
// queues.
func (s *Server) bind(v view, w *write) error {
	now := s.Clock()
	l := &provision.Lease{
		MAC: v.client.mac.String(), Address: v.address.String(),
		Since: now, Expires: now.Add(v.leaseTime),
		HostName: v.client.hostName, Vendor: v.client.vendor, UUID: v.client.uuid,
		Relay: v.relay,
	}
	host := v.decision.Host
	if host != nil {
		l.Host = host.Name
	}
	boots := v.client.kind.Boots()
	l.Ran = !boots
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writesFull() {
		return errSlowDisk
	}
	before := s.table.byMAC[v.client.mac].lease
	same := before != nil && before.Address == l.Address && before.Host == l.Host && before.Expires.After(now)
	if same {
		l.Since = before.Since
	}
	l.Ran = l.Ran || before != nil && before.Ran
	if before != nil && l.UUID == "" {
		l.UUID = before.UUID // firmware sends it, the system mostly doesn't
	}
	if boots {
		l.Booted = now
	} else if before != nil {
		l.Booted = before.Booted
	}
	if same && l.Relay == nil && v.renews {
		l.Relay, v.relay = before.Relay, before.Relay // a renewal goes to us directly, not through the relay
	}
	w.lease = l
	s.table.bind(v.client.mac, v.address, l, now)
	// An unclaimed box has its own event. A renewal changes nothing, and would fill the
	// journal.
	if (host != nil || v.bmcOf != nil) && (!same || before.Vendor != l.Vendor || boots) {
		w.report = &v
	}
	w.chained = boots && v.decision.Program != "" && v.bootFile() != ""
	s.enqueue(w)
	return nil
}

// release ends a lease that its holder gives back. The expired record stays, so that the
// box gets the same address next time. While an install or job of the host is under way,
// the lease goes on: any machine can send a RELEASE in the host's name, and then another
// card's REQUEST.
func (s *Server) release(v view, addr netip.Addr, w *write) (entered bool, err error) {
	if s.underWay(v.decision.Host) {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.table.byMAC[w.mac]
	switch {
	case !ok || held.addr != addr || held.lease == nil:
		return false, nil
	case s.writesFull():
		return false, errSlowDisk
	}
	l := *held.lease
	l.Expires = s.Clock()
	held.until, held.lease = l.Expires, &l
	s.table.byMAC[w.mac] = held
	clear(s.table.full)
	w.lease, w.onlyIf = &l, addr
	s.enqueue(w)
	return true, nil
}

// decline takes an address out of use because its holder found another machine on it. While
// an install or job of the host is under way, the record stays until the host gets another
// address: the install's token depends on it, and any machine can send a DECLINE in the
// host's name.
func (s *Server) decline(v view, addr netip.Addr, w *write) (entered bool, err error) {
	s.mu.Lock()
	held, ok := s.table.byMAC[w.mac]
	ok = ok && held.addr == addr // a client can decline only its own address
	stays := held.lease != nil && s.underWay(v.decision.Host)
	entered = ok && held.lease != nil && !stays
	if entered && s.writesFull() {
		s.mu.Unlock()
		return false, errSlowDisk
	}
	switch {
	case ok && stays:
		s.table.withhold(addr, s.Clock())
	case ok:
		s.table.decline(w.mac, addr, s.Clock())
	}
	if entered {
		w.onlyIf = addr
		s.enqueue(w)
	}
	s.mu.Unlock()
	if ok {
		s.noticeDeclined(v, addr)
	}
	return entered, nil
}
