package dhcp

import (
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// How much waits to be answered, in packets: DISCOVERs, others, and of one client,
// those that are being answered among them. A client has one question at a time, and
// asks again when it isn't answered.
const (
	backlogDiscovers = 1024
	backlogOthers    = 4096
	backlogClient    = 4
)

// A queue holds packets between the reader and the workers. A client that floods it
// loses its own packets and nobody else's. DISCOVERs wait apart from the rest: when
// more come than can be answered, a client that has an offer gets its lease, where
// otherwise each would wait its turn twice and none would end in time.
type queue struct {
	discovers, others chan datagram

	mu     sync.Mutex
	queued map[inventory.MAC]int // also those that a worker has
}

func newQueue() *queue {
	return &queue{
		discovers: make(chan datagram, backlogDiscovers), others: make(chan datagram, backlogOthers),
		queued: map[inventory.MAC]int{},
	}
}

// chaddr peeks at a packet's hardware address (RFC 2131 section 2); packets too
// short to have one share the zero address.
func chaddr(packet []byte) (mac inventory.MAC) {
	if len(packet) >= 34 {
		mac = inventory.MAC(packet[28:34])
	}
	return mac
}

// discovers peeks at a packet's type (option 53), which stands first mostly.
func discovers(packet []byte) bool {
	const options = 240 // the header and the cookie
	if len(packet) < options {
		return false
	}
	for b := packet[options:]; len(b) >= 3 && b[0] != 255; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		n := 2 + int(b[1])
		if b[0] == dhcpv4.OptionDHCPMessageType.Code() || len(b) < n {
			return b[0] == dhcpv4.OptionDHCPMessageType.Code() && b[2] == byte(dhcpv4.MessageTypeDiscover)
		}
		b = b[n:]
	}
	return false
}

// put enters a packet. It returns false when it has to be dropped: the queue is full,
// or flood: its sender has too many in it.
func (q *queue) put(d datagram) (ok, flood bool) {
	mac, lane := chaddr(d.payload), q.others
	if discovers(d.payload) {
		lane = q.discovers
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queued[mac] >= backlogClient {
		return false, true
	}
	select {
	case lane <- d:
		q.queued[mac]++
		return true, false
	default:
		return false, false
	}
}

// next returns a packet to answer, and waits for one; false when the queue has ended.
// A worker takes others before DISCOVERs, or the other way round: some have to, so that
// a flood of one keeps nobody from the other.
func (q *queue) next(discoversFirst bool) (datagram, bool) {
	first, second := q.others, q.discovers
	if discoversFirst {
		first, second = second, first
	}
	for first != nil || second != nil {
		select {
		case d, ok := <-first:
			if ok {
				return d, true
			}
			first = nil
			continue
		default:
		}
		select {
		case d, ok := <-first:
			if ok {
				return d, true
			}
			first = nil
		case d, ok := <-second:
			if ok {
				return d, true
			}
			second = nil
		}
	}
	return datagram{}, false
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
func (q *queue) close() {
	close(q.discovers)
	close(q.others)
}
