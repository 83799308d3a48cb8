package dhcp

import (
	"slices"
	"sync"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestFloodDropsItsOwn checks that a client that floods loses its own packets only. Those
// of all others are queued in order.
func TestFloodDropsItsOwn(t *testing.T) {
	q := newQueue(noHosts)
	flood := datagram{payload: discover(stranger).ToBytes()}
	box := func(n int) datagram {
		return datagram{payload: discover(inventory.MAC{0x52, 0x54, 0, 0x98, byte(n >> 8), byte(n)}).ToBytes()}
	}
	const boxes = 500
	in := 0
	for n := range boxes {
		for range 100 {
			floods, full := q.put(flood)
			if full != 0 {
				t.Fatal("the flood fills the queue")
			}
			in += 1 - len(floods)
		}
		if floods, full := q.put(box(n), flood); len(floods) != 1 || chaddr(floods[0].payload) != stranger || full != 0 {
			t.Fatalf("box %d was dropped because of another client's flood", n)
		}
	}
	if in != backlogClient {
		t.Errorf("%d packets of the flood got in", in)
	}
	q.close()
	next := 0
	for _, d := range drain(q, hostsFirst) {
		if mac := chaddr(d.payload); mac == stranger {
			in--
		} else if mac != chaddr(box(next).payload) {
			t.Fatalf("%s came, not box %d", mac, next)
		} else {
			next++
		}
		q.done(d)
	}
	if next != boxes || in != 0 || len(q.queued) != 0 {
		t.Errorf("%d boxes, %d of the flood left, %d remembered", next, in, len(q.queued))
	}
}

// drain takes all packets out of a closed queue.
func drain(q *queue, first priority) (all []datagram) {
	for b := q.next(nil, first); len(b) > 0; b = q.next(nil, first) {
		all = append(all, b...)
	}
	return all
}

// TestFloodKeepsWorkersFree checks that packets being answered count, too, so a flood of
// one client can't occupy all workers while they wait for the disk.
func TestFloodKeepsWorkersFree(t *testing.T) {
	q := newQueue(noHosts)
	flood := datagram{payload: requestMessage(stranger).ToBytes()}
	for range backlogClient {
		q.put(flood)
		q.next(nil, hostsFirst) // a worker has it, and isn't done
	}
	if floods, _ := q.put(flood); len(floods) != 1 {
		t.Error("a fifth worker would have it")
	}
	q.done(flood)
	if floods, full := q.put(flood); len(floods) != 0 || full != 0 {
		t.Error("refused after one was done")
	}
}

// TestQueueIsBounded checks that packets beyond the queue's capacity are dropped, and that
// DISCOVERs leave space for others.
func TestQueueIsBounded(t *testing.T) {
	q := newQueue(noHosts)
	fill := func(kind dhcpv4.MessageType) (in int) {
		for n := range backlogOthers + 100 {
			mac := inventory.MAC{2, byte(kind), 0, byte(n >> 16), byte(n >> 8), byte(n)}
			floods, full := q.put(datagram{payload: message(mac, kind).ToBytes()})
			if len(floods) > 0 {
				t.Fatal("mistaken for one client's flood")
			}
			in += 1 - full
		}
		return in
	}
	if n := fill(dhcpv4.MessageTypeDiscover); n != backlogDiscovers {
		t.Errorf("%d DISCOVERs", n)
	}
	if n := fill(dhcpv4.MessageTypeRequest); n != backlogOthers || len(q.queued) != backlogDiscovers+backlogOthers {
		t.Errorf("%d REQUESTs, %d clients", n, len(q.queued))
	}
	for _, p := range [][]byte{nil, make([]byte, 33)} { // too short to have a sender
		if floods, full := newQueue(noHosts).put(datagram{payload: p}); len(floods)+full != 0 {
			t.Errorf("%d bytes dropped: the parser has to report them", len(p))
		}
	}
}

// TestLanes checks that a worker takes packets of its preferred lane first, then others,
// and that a closed queue is emptied.
func TestLanes(t *testing.T) {
	for first, want := range map[priority]string{hostsFirst: "HHHRRRDDD", discoversFirst: "DDDHHHRRR", othersFirst: "RRRHHHDDD"} {
		q := newQueue(func(mac inventory.MAC) bool { return mac[4] == 3 })
		for n := range byte(3) {
			q.put(datagram{payload: discover(inventory.MAC{2, 0, 0, 0, 1, n}).ToBytes()})
			q.put(datagram{payload: requestMessage(inventory.MAC{2, 0, 0, 0, 2, n}).ToBytes()})
			q.put(datagram{payload: discover(inventory.MAC{2, 0, 0, 0, 3, n}).ToBytes()})
		}
		q.close()
		got := ""
		for _, d := range drain(q, first) {
			got += map[byte]string{1: "D", 2: "R", 3: "H"}[chaddr(d.payload)[4]]
		}
		if got != want {
			t.Errorf("priority %d: %s, want %s", first, got, want)
		}
	}
	turns := map[priority]int{}
	for i := range workers {
		turns[priorityOf(i)]++
	}
	if turns[hostsFirst] != 12 || turns[discoversFirst] != 2 || turns[othersFirst] != 2 {
		t.Errorf("priorities of the workers: %v", turns)
	}
}

// noHosts is an inventory without hosts.
func noHosts(inventory.MAC) bool { return false }

// TestFloodOfStrangers checks that a host's packets are queued and answered first while
// invented clients fill their lanes.
func TestFloodOfStrangers(t *testing.T) {
	host := datagram{payload: discover(web1).ToBytes()}
	q := newQueue(func(mac inventory.MAC) bool { return mac == web1 })
	for n := range backlogOthers + backlogDiscovers {
		for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest} {
			q.put(datagram{payload: message(inventory.MAC{2, byte(kind), 0, byte(n >> 16), byte(n >> 8), byte(n)}, kind).ToBytes()})
		}
	}
	if _, full := q.put(host); full != 0 {
		t.Fatal("the host's packet was dropped")
	}
	if first := q.next(nil, hostsFirst); chaddr(first[0].payload) != web1 {
		t.Errorf("%s was first", chaddr(first[0].payload))
	}
}

// TestDiscovers compares discovers with the parser, for packets of firmware and for broken
// options.
func TestDiscovers(t *testing.T) {
	for i, p := range captured(t) {
		req, err := dhcpv4.FromBytes(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := discovers(p); got != (req.MessageType() == dhcpv4.MessageTypeDiscover) {
			t.Errorf("packet %d is a %s", i+1, req.MessageType())
		}
	}
	head := discover(web1).ToBytes()[:240]
	for options, want := range map[string]bool{
		"\x35\x01\x01\xff": true, "\x35\x01\x03\xff": false, "\x00\x00\x0c\x02ab\x35\x01\x01": true, "": false, "\x35": false, "\x35\x01": false,
		"\x0c\x50a": false, "\xff\x35\x01\x01": false, "\x00\x00\x00": false,
	} {
		if got := discovers(append(slices.Clone(head), options...)); got != want {
			t.Errorf("options % x: %v", options, got)
		}
	}
}

// TestEventWriters checks that events of a host stay in order, that none is lost, and that
// record doesn't wait for the disk while the server runs.
func TestEventWriters(t *testing.T) {
	b := newTestServer(t)
	disk := make(chan struct{})
	b.Server.Record = provision.RecorderFunc(func(e provision.Event) error {
		<-disk
		return b.Record(e)
	})
	stop := b.startEventWriters()
	const each = 5
	hosts := []string{"web1", "web2", "", "52:54:00:99:00:01"}
	var wg sync.WaitGroup
	for _, host := range hosts {
		wg.Go(func() {
			for i := range each {
				b.record(provision.Event{Host: host, Kind: string(rune('a' + i))})
			}
		})
	}
	wg.Wait() // all calls have returned, and no event is on disk
	if n := len(b.events); n != 0 {
		t.Errorf("%d events are on disk already", n)
	}
	close(disk)
	stop()
	got := map[string]string{}
	for _, e := range b.events {
		got[e.Host] += e.Kind
		if e.Source != "dhcp" || !e.Counted.Equal(b.now) {
			t.Errorf("event %+v", e)
		}
	}
	for _, host := range hosts {
		if got[host] != "abcde" {
			t.Errorf("%q: %s", host, got[host])
		}
	}
}
