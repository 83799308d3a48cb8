package dhcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/store"
)

const (
	// commitEvery is the shortest time between two commits. A sync costs processor time
	// whatever it writes, so under load many leases share one. A client waits seconds for
	// its answer, and an idle appliance commits at once.
	commitEvery = 5 * time.Millisecond
	// writesMost bounds the waiting writes. Beyond it the disk is seconds behind: the
	// request is dropped, and its client asks again.
	writesMost = 4096
)

var errSlowDisk = errors.New("too many leases wait for the disk")

// A write is the change in the store that one packet causes, and the reply that waits for
// it.
type write struct {
	mac    inventory.MAC
	lease  *provision.Lease // nil: the record of mac is deleted
	onlyIf netip.Addr       // when valid, the write happens only if the record is of this address

	asked   datagram
	reply   []byte // nil: no reply is sent
	to      destination
	report  *view         // the lease to report once it is on disk; nil: none
	chained bool          // the reply names a boot program
	done    chan struct{} // closed when the write is on disk or has failed
	err     error         // why it failed; valid once done is closed
}

// enqueue queues a write; the caller holds the table's lock. So writes have the order in
// which the table changed.
func (s *Server) enqueue(w *write) {
	w.done = make(chan struct{})
	s.writes = append(s.writes, w)
	select {
	case s.written <- struct{}{}:
	default:
	}
}

// writesFull reports whether too many writes wait; the caller holds the table's lock.
func (s *Server) writesFull() bool { return len(s.writes) >= writesMost }

// commit writes the waiting changes, as many as one transaction takes, and returns them.
// Only one goroutine may call it.
func (s *Server) commit(ctx context.Context) (batch []*write, more bool) {
	s.mu.Lock()
	batch = slices.Clone(s.writes[:min(len(s.writes), store.MaxOps)])
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil, false
	}
	p, err := operations(batch, s.onDisk, func(mac inventory.MAC) string { return s.stored(ctx, mac) })
	s.mu.Lock()
	batch = batch[:p.writes]
	s.writes = slices.Delete(s.writes, 0, p.writes) // it also clears the freed elements
	more = len(s.writes) > 0
	s.mu.Unlock()
	if err == nil && len(p.ops) > 0 {
		_, err = s.Store.Txn(ctx, nil, p.ops...)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.Log.Error("dhcp: leases not written, so not acknowledged", "leases", len(batch), "mac", batch[0].mac, "error", err)
	}
	if err == nil {
		maps.Copy(s.onDisk, p.holders)
	}
	for _, w := range batch {
		if w.err = err; err == nil {
			s.settle(w)
		}
		close(w.done)
	}
	return batch, more
}

// settle does everything that follows from a lease on disk, except sending the reply. A
// panic affects this lease only.
func (s *Server) settle(w *write) {
	defer s.recoverFromPanic(w.asked.payload)
	if w.lease != nil && w.reply != nil {
		s.mu.Lock()
		s.table.acknowledged(w.mac, w.lease.Address, s.Clock())
		s.mu.Unlock()
	}
	if w.chained {
		s.chained.Add(w.mac, s.Clock())
	}
	if w.report != nil {
		s.noticeAck(*w.report)
	}
}

// stored is the address in the record of a MAC; "" when there is no record.
func (s *Server) stored(ctx context.Context, mac inventory.MAC) string {
	r, err := s.Store.Get(ctx, LeasePrefix+mac.String())
	var l provision.Lease
	if err != nil || json.Unmarshal(r.Value, &l) != nil {
		return ""
	}
	return l.Address
}

// A plan is the transaction for a batch of writes.
type plan struct {
	writes  int // how many writes of the batch it holds
	ops     []store.Op
	holders map[string]inventory.MAC // the MAC whose record has each address, once the transaction is on disk
}

// operations plans the transaction for a batch. The later of two writes of one record
// counts. An address appears in one record only: the record of its previous holder is
// deleted. holder names that MAC from earlier transactions.
// stored reads the address in a record. A record that gives way or is given back stays when
// it has another address by now: the MAC was given that one on another link, or by another
// server where we are a proxy.
func operations(batch []*write, holder map[string]inventory.MAC, stored func(inventory.MAC) string) (plan, error) {
	p := plan{ops: make([]store.Op, 0, len(batch)), holders: make(map[string]inventory.MAC, len(batch))}
	type place struct {
		op      int
		address string
	}
	at := make(map[inventory.MAC]place, 2*len(batch))
	put := func(mac inventory.MAC, address string, value []byte) {
		op := store.Op{Key: LeasePrefix + mac.String(), Value: value, Delete: value == nil}
		before, again := at[mac]
		if again {
			p.ops[before.op] = op
			at[mac] = place{before.op, address}
			return
		}
		at[mac] = place{len(p.ops), address}
		p.ops = append(p.ops, op)
	}
	held := func(mac inventory.MAC) string {
		if p, here := at[mac]; here {
			return p.address
		}
		return stored(mac)
	}
	for _, w := range batch {
		if len(p.ops)+2 > store.MaxOps && p.writes > 0 { // a write has at most two operations
			return p, nil
		}
		p.writes++
		if w.onlyIf.IsValid() && held(w.mac) != w.onlyIf.String() {
			continue
		}
		if w.lease == nil {
			put(w.mac, "", nil)
			continue
		}
		addr := w.lease.Address
		other, taken := p.holders[addr]
		if !taken {
			other, taken = holder[addr]
		}
		if taken && other != w.mac && held(other) == addr {
			put(other, "", nil)
		}
		value, err := encodeLease(w.lease)
		if err != nil {
			p.writes = len(batch)
			return p, fmt.Errorf("write lease of %s: %w", w.mac, err)
		}
		put(w.mac, addr, value)
		p.holders[addr] = w.mac
	}
	return p, nil
}

// commitLoop commits waiting writes until ctx ends, and sends the replies that waited for
// them.
func (s *Server) commitLoop(ctx context.Context, q *queue, send sender) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.written:
		}
		for more := true; more; {
			var batch []*write
			batch, more = s.commit(ctx)
			var out []outgoing
			var asked []datagram
			for _, w := range batch {
				if w.err == nil && w.reply != nil {
					out = append(out, outgoing{w.reply, w.to})
				}
				asked = append(asked, w.asked)
			}
			send(out...)
			q.done(asked...)
		}
		timer.Reset(commitEvery)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}
