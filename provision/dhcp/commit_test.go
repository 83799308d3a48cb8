package dhcp

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/store"
)

// A slowDisk is a store whose transactions wait for the test.
type slowDisk struct {
	store.Store
	asked chan int   // the number of operations
	pass  chan error // the result; nil: the operations are written
}

func (d *slowDisk) Txn(ctx context.Context, conds []store.Cond, ops ...store.Op) (uint64, error) {
	d.asked <- len(ops)
	if err := <-d.pass; err != nil {
		return 0, err
	}
	return d.Store.Txn(ctx, conds, ops...)
}

// TestAckWaitsForDisk checks that no ACK is sent before its lease is on disk. Leases that
// come meanwhile share the next transaction. When it fails, none of their clients is
// acknowledged.
func TestAckWaitsForDisk(t *testing.T) {
	b := newTestServer(t)
	b.snap.Networks["rack1"].Leases = inventory.Range{First: netip.MustParseAddr("10.77.0.140"), Last: netip.MustParseAddr("10.77.0.199")}
	disk := &slowDisk{Store: b.Store, asked: make(chan int), pass: make(chan error)}
	b.Server.Store = disk
	ctx, cancel := context.WithCancel(context.Background())
	q, sent, ended := newQueue(noHosts), make(chan string, 100), make(chan error)
	send := func(out ...outgoing) {
		for _, p := range out {
			r, err := dhcpv4.FromBytes(p.reply)
			if err != nil {
				t.Error(err)
				continue
			}
			sent <- chaddr(p.reply).String() + " " + r.MessageType().String()
		}
	}
	go func() { ended <- b.commitLoop(ctx, q, send) }()
	go func() { b.work(ctx, q, hostsFirst, send); ended <- nil }()

	box := func(n byte) inventory.MAC { return inventory.MAC{0x52, 0x54, 0, 0x99, 3, n} }
	ask := func(n byte) {
		q.put(datagram{payload: requestMessage(box(n), requested(netip.AddrFrom4([4]byte{10, 77, 0, 140 + n}).String())).ToBytes()})
		q.put(datagram{payload: discover(web1).ToBytes()})
		if got, want := <-sent, web1.String()+" OFFER"; got != want {
			t.Fatalf("%s was sent, not %s, while the disk is slow", got, want)
		}
	}
	ask(0)
	if n := <-disk.asked; n != 1 {
		t.Errorf("%d operations at first", n)
	}
	for n := byte(1); n <= 5; n++ {
		ask(n)
	}
	disk.pass <- nil
	if got := <-sent; got != box(0).String()+" ACK" {
		t.Errorf("%s was sent", got)
	}
	if n := <-disk.asked; n != 5 {
		t.Errorf("%d leases share the second transaction", n)
	}
	if b.lease(box(0)) == nil || b.lease(box(1)) != nil {
		t.Error("not exactly what was acknowledged is on disk")
	}
	disk.pass <- errors.New("the disk is full")
	ask(6) // none of the five was answered before
	<-disk.asked
	disk.pass <- nil
	if got := <-sent; got != box(6).String()+" ACK" {
		t.Errorf("%s was sent", got)
	}
	q.close()
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if len(q.queued) != 0 {
		t.Errorf("%d clients are still remembered", len(q.queued))
	}
}

// TestSameRecordTwice checks that the last change of a record in a transaction counts: of a
// client that asks twice, of one that gives its new lease back, and of one whose old lease
// gave way and that got another one since.
func TestSameRecordTwice(t *testing.T) {
	lease := func(mac inventory.MAC, addr string) *provision.Lease {
		return &provision.Lease{MAC: mac.String(), Address: addr}
	}
	one, two := inventory.MAC{2, 1}, inventory.MAC{2, 2}
	p, err := operations([]*write{
		{mac: one, lease: lease(one, "10.77.0.200")},
		{mac: one, lease: lease(one, "10.77.0.201")},
		{mac: two, lease: lease(two, "10.77.0.200")},
		{mac: one, lease: lease(one, "10.77.0.203")},
		{mac: two},
	}, nil, func(inventory.MAC) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	b := newTestServer(t)
	if _, err := b.Store.Txn(t.Context(), nil, p.ops...); err != nil {
		t.Fatal(err)
	}
	if l := b.lease(one); l == nil || l.Address != "10.77.0.203" || b.lease(two) != nil {
		t.Errorf("%v, %v", l, b.lease(two))
	}
}

// TestMovedToAnotherLink checks a box that moved to another link of ours, or to a network
// where another server gave it an address. It keeps its record when its old address goes to
// another box here.
func TestMovedToAnotherLink(t *testing.T) {
	b := newTestServer(t)
	b.snap.Networks["rack1"].Leases.Last = b.snap.Networks["rack1"].Leases.First
	old := b.join(stranger)
	moved := &provision.Lease{MAC: stranger.String(), Address: "10.79.0.7", Expires: b.now.Add(24 * time.Hour)}
	value, err := encodeLease(moved)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Store.Txn(t.Context(), nil, store.Op{Key: LeasePrefix + stranger.String(), Value: value}); err != nil {
		t.Fatal(err)
	}
	// It keeps its record, too, when it gives the old address back, or declines it.
	b.ask(message(stranger, dhcpv4.MessageTypeRelease, ciaddr(old), server("10.77.0.1")))
	if l := b.lease(stranger); l == nil || l.Address != "10.79.0.7" || !l.Expires.After(b.now) {
		t.Fatalf("after a RELEASE: %+v", l)
	}
	b.ask(message(stranger, dhcpv4.MessageTypeDecline, requested(old), server("10.77.0.1")))
	if l := b.lease(stranger); l == nil || l.Address != "10.79.0.7" {
		t.Fatalf("after a DECLINE: %+v", l)
	}
	b.now = b.now.Add(2 * time.Hour)
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	if got := b.join(other); got != old {
		t.Fatalf("got %s, not %s", got, old)
	}
	if l := b.lease(stranger); l == nil || l.Address != "10.79.0.7" {
		t.Errorf("the record of the box that moved: %+v", l)
	}
}

// TestFullDiskKeepsAddress checks a box whose REQUEST in another network got no answer
// because its lease couldn't be written. It keeps its old address until it is acknowledged
// another one.
func TestFullDiskKeepsAddress(t *testing.T) {
	b := newTestServer(t)
	farRange(b)
	b.snap.Networks["rack2"].Leases.Last = b.snap.Networks["rack2"].Leases.First
	full := false
	b.start(&memory{records: map[string][]byte{}, full: func() bool { return full }})
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	b.ask(requestMessage(stranger, relayed("10.78.0.1"), requested("10.78.0.200")))
	full = true
	if r := b.ask(requestMessage(stranger, requested("10.77.0.200"))); r != nil {
		t.Fatalf("acknowledged, and nothing is on disk: %v", r)
	}
	full = false
	if r := b.ask(requestMessage(other, relayed("10.78.0.1"), requested("10.78.0.200"))); r == nil || r.MessageType() != nak {
		t.Fatalf("its address was given away: %v", r)
	}
	if r := b.ask(requestMessage(stranger, requested("10.77.0.200"))); r == nil || r.MessageType() != ack {
		t.Fatalf("no acknowledgement: %v", r)
	}
	if r := b.ask(requestMessage(other, relayed("10.78.0.1"), requested("10.78.0.200"))); r == nil || r.MessageType() != ack {
		t.Errorf("the address that it left is not free: %v", r)
	}
}

// TestFullDiskKeepsRecord checks a box whose lease gave way to one that couldn't be written
// at first. Its record stays until that one can be written.
func TestFullDiskKeepsRecord(t *testing.T) {
	b := newTestServer(t)
	b.snap.Networks["rack1"].Leases.Last = b.snap.Networks["rack1"].Leases.First
	full := false
	b.start(&memory{records: map[string][]byte{}, full: func() bool { return full }})
	first := b.join(stranger)
	b.now = b.now.Add(2 * time.Hour)
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	for _, full = range []bool{true, false} {
		r := b.ask(requestMessage(other, requested(first)))
		if (r != nil) == full {
			t.Fatalf("with a full disk %v: %v", full, r)
		}
	}
	if l := b.lease(stranger); l != nil || b.lease(other).Address != first {
		t.Errorf("two records for one address: %+v", l)
	}
}

// TestRecordsAreBounded checks boxes that take an address, ask for one in another network
// and then disappear. There are never more records than addresses.
func TestRecordsAreBounded(t *testing.T) {
	b := newTestServer(t)
	farRange(b)
	for n := range byte(100) {
		mac := inventory.MAC{0x52, 0x54, 0, 0x99, 3, n}
		b.join(mac)
		if r := b.ask(discover(mac, relayed("10.78.0.1"))); r == nil || r.YourIPAddr.To4()[1] != 78 {
			t.Fatalf("box %d in the other network: %v", n, r)
		}
		b.now = b.now.Add(time.Hour / 3) // four addresses, each for an hour
	}
	records, _, err := b.Store.List(t.Context(), LeasePrefix)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) > 4 || len(b.table.moving) > 6 {
		t.Errorf("%d records for 4 addresses, %d moving", len(records), len(b.table.moving))
	}
	// A box that returns to an address that is still free keeps its record.
	last := inventory.MAC{0x52, 0x54, 0, 0x99, 3, 99}
	if got := b.join(last); b.lease(last) == nil || b.lease(last).Address != got {
		t.Errorf("it came back to %s: %+v", got, b.lease(last))
	}
}

// TestWritesAreBounded checks that requests are dropped and change nothing when the disk
// doesn't keep up.
func TestWritesAreBounded(t *testing.T) {
	b := newTestServer(t)
	b.snap.Networks["rack1"].Subnet = netip.MustParsePrefix("10.64.0.0/10")
	b.snap.Networks["rack1"].Leases = inventory.Range{First: netip.MustParseAddr("10.80.0.0"), Last: netip.MustParseAddr("10.80.255.255")}
	ask := func(n uint16) outcome {
		mac := inventory.MAC{2, 0x99}
		binary.BigEndian.PutUint16(mac[2:], n)
		addr := netip.AddrFrom4([4]byte{10, 80, byte(n >> 8), byte(n)})
		return b.Server.answer(t.Context(), datagram{payload: requestMessage(mac, requested(addr.String())).ToBytes()})
	}
	for n := range uint16(writesMost) {
		if o := ask(n); o.write == nil || o.reply != nil {
			t.Fatalf("request %d: %+v", n, o)
		}
	}
	if o := ask(writesMost); o.write != nil || o.reply != nil || len(b.writes) != writesMost {
		t.Fatalf("one too many: %+v, %d wait", o, len(b.writes))
	}
	for more := true; more; {
		var batch []*write
		if batch, more = b.commit(t.Context()); len(batch) > store.MaxOps {
			t.Fatalf("%d writes in one transaction", len(batch))
		}
		for _, w := range batch {
			if w.err != nil {
				t.Fatal(w.err)
			}
		}
	}
	if o := ask(writesMost); o.write == nil {
		t.Error("refused when there is room again")
	}
}
