package dhcp

import (
	"sync"

	"rackhand/inventory"
)

// How much waits to be answered: packets in all, and of one client, those that are
// being answered among them. A client has one question at a time, and asks again when
// it isn't answered.
const (
	backlog       = 4096
	backlogClient = 4
)

// A queue holds packets between the reader and the workers. A client that floods it
// loses its own packets and nobody else's.
type queue struct {
	packets chan datagram

	mu     sync.Mutex
	queued map[inventory.MAC]int // also those that a worker has
}

func newQueue() *queue {
	return &queue{packets: make(chan datagram, backlog), queued: map[inventory.MAC]int{}}
}

// chaddr peeks at a packet's hardware address (RFC 2131 section 2); packets too
// short to have one share the zero address.
func chaddr(packet []byte) (mac inventory.MAC) {
	if len(packet) >= 34 {
		mac = inventory.MAC(packet[28:34])
	}
	return mac
}

// put enters a packet. It returns false when it has to be dropped: the queue is full,
// or flood: its sender has too many in it.
func (q *queue) put(d datagram) (ok, flood bool) {
	mac := chaddr(d.payload)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queued[mac] >= backlogClient {
		return false, true
	}
	select {
	case q.packets <- d:
		q.queued[mac]++
		return true, false
	default:
		return false, false
	}
}

// done says that a packet was answered.
func (q *queue) done(d datagram) {
	mac := chaddr(d.payload)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queued[mac]--; q.queued[mac] <= 0 {
		delete(q.queued, mac)
	}
}

// close ends the queue: workers get what is in it, and then nothing.
func (q *queue) close() { close(q.packets) }
