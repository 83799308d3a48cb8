package dhcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/store"
)

// load reads the leases from the store. A record that can't be read is reported
// and passed over: its box gets its address anew.
func (s *Server) load(ctx context.Context) error {
	records, _, err := s.Store.List(ctx, LeasePrefix)
	if err != nil {
		return fmt.Errorf("load leases: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if s.heard.load(r.Value) {
			continue // another server's: the table must never hand it out
		}
		if err := s.table.load(r.Value); err != nil {
			s.Log.Error("dhcp: a lease was passed over", "key", r.Key, "error", err)
		}
	}
	return nil
}

// bind writes the lease of an ACK, and tells of it.
func (s *Server) bind(ctx context.Context, v view) error {
	now := s.Clock()
	l := provision.Lease{
		MAC: v.client.mac.String(), Address: v.address.String(),
		Since: now, Expires: now.Add(v.leaseTime),
		HostName: v.client.hostName, Vendor: v.client.vendor, UUID: v.client.uuid,
		Relay: v.relay,
	}
	if v.decision.Host != nil {
		l.Host = v.decision.Host.Name
	}
	s.mu.Lock()
	before := s.table.byMAC[v.client.mac].lease
	same := before != nil && before.Address == l.Address && before.Host == l.Host && before.Expires.After(now)
	if same {
		l.Since = before.Since
	}
	if before != nil && l.UUID == "" {
		l.UUID = before.UUID // firmware tells it, the system mostly doesn't
	}
	if same && l.Relay == nil && v.renews {
		l.Relay, v.relay = before.Relay, before.Relay // it asks us directly, past its relay
	}
	displaced := s.table.bind(v.client.mac, v.address, &l)
	s.mu.Unlock()

	value, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write lease: %w", err)
	}
	ops := []store.Op{{Key: LeasePrefix + l.MAC, Value: value}}
	if displaced != nil {
		ops = append(ops, store.Op{Key: LeasePrefix + displaced.String(), Delete: true})
	}
	if _, err := s.Store.Txn(ctx, nil, ops...); err != nil {
		return fmt.Errorf("write lease: %w", err)
	}
	if v.client.kind.Boots() && v.decision.Program != "" && v.bootFile() != "" {
		s.chained.add(v.client.mac, now)
	}
	// A renewal is nothing new, and would fill the journal.
	if !same || before.Vendor != l.Vendor || v.client.kind.Boots() {
		s.noticeAck(v)
	}
	return nil
}

// release ends a lease that its holder gives back. The record stays, expired, so
// that the box gets the same address the next time.
func (s *Server) release(ctx context.Context, mac inventory.MAC, addr netip.Addr) error {
	s.mu.Lock()
	held, ok := s.table.byMAC[mac]
	if !ok || held.addr != addr || held.lease == nil {
		s.mu.Unlock()
		return nil
	}
	l := *held.lease
	l.Expires = s.Clock()
	held.until, held.lease = l.Expires, &l
	s.table.byMAC[mac] = held
	clear(s.table.full)
	s.mu.Unlock()

	value, err := json.Marshal(l)
	if err == nil {
		_, err = s.Store.Txn(ctx, nil, store.Op{Key: LeasePrefix + mac.String(), Value: value})
	}
	if err != nil {
		return fmt.Errorf("end lease: %w", err)
	}
	return nil
}

// decline takes an address out of use that its holder found somebody else on.
func (s *Server) decline(ctx context.Context, v view, addr netip.Addr) error {
	s.mu.Lock()
	held, ok := s.table.byMAC[v.client.mac]
	ok = ok && held.addr == addr
	if ok {
		s.table.decline(v.client.mac, addr, s.Clock())
	}
	s.mu.Unlock()
	if !ok {
		return nil // nobody can decline what isn't its own
	}
	s.noticeDeclined(v, addr)
	if held.lease == nil {
		return nil
	}
	if _, err := s.Store.Txn(ctx, nil, store.Op{Key: LeasePrefix + v.client.mac.String(), Delete: true}); err != nil {
		return fmt.Errorf("end lease: %w", err)
	}
	return nil
}
