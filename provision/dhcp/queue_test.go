package dhcp

import (
	"sync"
	"testing"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestFloodStarvesNobody: a client that floods loses its own packets; those of the
// others all get in, in order.
func TestFloodStarvesNobody(t *testing.T) {
	q := newQueue()
	flood := datagram{payload: discover(stranger).ToBytes()}
	box := func(n int) datagram {
		return datagram{payload: discover(inventory.MAC{0x52, 0x54, 0, 0x98, byte(n >> 8), byte(n)}).ToBytes()}
	}
	const boxes = 500
	in := 0
	for n := range boxes {
		for range 100 {
			ok, flooded := q.put(flood)
			if ok == flooded {
				t.Fatalf("put: %v, %v", ok, flooded)
			}
			if ok {
				in++
			}
		}
		if ok, _ := q.put(box(n)); !ok {
			t.Fatalf("box %d was dropped because of somebody else's flood", n)
		}
	}
	if in != backlogClient {
		t.Errorf("%d packets of the flood got in", in)
	}
	q.close()
	next := 0
	for d := range q.packets {
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

// TestFloodKeepsWorkersFree: what a worker has counts too, so a flood of one client
// can't occupy them all while they wait for the disk.
func TestFloodKeepsWorkersFree(t *testing.T) {
	q := newQueue()
	flood := datagram{payload: request(stranger).ToBytes()}
	for range backlogClient {
		q.put(flood)
		<-q.packets // a worker took it, and isn't done
	}
	if ok, flooded := q.put(flood); ok || !flooded {
		t.Error("a fifth worker would have it")
	}
	q.done(flood)
	if ok, _ := q.put(flood); !ok {
		t.Error("refused after one was done")
	}
}

// TestQueueIsBounded: many clients at once are dropped at the end of the queue.
func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	in := 0
	for n := range backlog + 100 {
		p := make([]byte, 300)
		p[28], p[31], p[32], p[33] = 2, byte(n>>16), byte(n>>8), byte(n)
		if ok, flood := q.put(datagram{payload: p}); ok {
			in++
		} else if flood {
			t.Fatal("taken for one client's flood")
		}
	}
	if in != backlog || len(q.queued) != backlog {
		t.Errorf("%d packets, %d clients", in, len(q.queued))
	}
	for _, p := range [][]byte{nil, make([]byte, 33)} { // too short to have a sender
		if ok, _ := newQueue().put(datagram{payload: p}); !ok {
			t.Errorf("%d bytes refused: that is the parser's to tell", len(p))
		}
	}
}

// TestScribes: while the server runs, events of a host stay in order, none is lost, and
// who records doesn't wait for the disk.
func TestScribes(t *testing.T) {
	b := newBench(t)
	disk := make(chan struct{})
	b.Server.Record = provision.RecorderFunc(func(e provision.Event) error {
		<-disk
		return b.Record(e)
	})
	stop := b.startScribes()
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
	wg.Wait() // all of them returned, and nothing is on disk
	if n := len(b.events); n != 0 {
		t.Errorf("%d events are on disk already", n)
	}
	close(disk)
	stop()
	got := map[string]string{}
	for _, e := range b.events {
		got[e.Host] += e.Kind
		if e.Source != "dhcp" || !e.Time.Equal(b.now) {
			t.Errorf("event %+v", e)
		}
	}
	for _, host := range hosts {
		if got[host] != "abcde" {
			t.Errorf("%q: %s", host, got[host])
		}
	}
}
