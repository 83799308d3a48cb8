package dhcp

import (
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// How many packets may wait for an answer: DISCOVERs, others, those of hosts, and those of
// one client, including those being answered. A client has one question at a time, and
// repeats it when it gets no answer.
const (
	backlogDiscovers = 1024
	backlogOthers    = 4096
	backlogKnown     = 2048
	backlogClient    = 4
)

// takeAtOnce is how many packets a worker takes at once. Each of them may have to wait for
// the journal; other workers go on meanwhile.
const takeAtOnce = 16

// A queue holds packets between the reader and the workers. A client that floods it loses
// only its own packets. Packets of the inventory's hosts have a lane of their own, so
// invented clients don't delay them. DISCOVERs of other clients have one, too: under
// overload a client that has an offer gets its lease. In a single lane each client would
// wait twice, and none would finish in time.
type queue struct {
	mu                sync.Mutex
	ready             sync.Cond // there are packets, or the queue is closed
	discovers, others ring
	hosts             ring
	isHost            func(inventory.MAC) bool
	queued            map[inventory.MAC]int // includes packets that a worker has, or that wait for the disk
	closed            bool
}

func newQueue(isHost func(inventory.MAC) bool) *queue {
	q := &queue{
		isHost: isHost, hosts: ring{packets: make([]datagram, backlogKnown)},
		discovers: ring{packets: make([]datagram, backlogDiscovers)}, others: ring{packets: make([]datagram, backlogOthers)},
		queued: map[inventory.MAC]int{},
	}
	q.ready.L = &q.mu
	return q
}

// A ring is a queue of fixed capacity.
type ring struct {
	packets  []datagram
	first, n int
}

func (r *ring) put(d datagram) bool {
	if r.n == len(r.packets) {
		return false
	}
	r.packets[(r.first+r.n)%len(r.packets)] = d
	r.n++
	return true
}

// take moves up to most packets to the end of a batch.
func (r *ring) take(batch []datagram, most int) []datagram {
	for range min(most, r.n) {
		batch = append(batch, r.packets[r.first])
		r.packets[r.first] = datagram{}
		r.first = (r.first + 1) % len(r.packets)
		r.n--
	}
	return batch
}

// chaddr reads a packet's hardware address without parsing it (RFC 2131 section 2). Packets
// that are too short share the zero address.
func chaddr(packet []byte) (mac inventory.MAC) {
	if len(packet) >= 34 {
		mac = inventory.MAC(packet[28:34])
	}
	return mac
}

// discovers reports whether a packet is a DISCOVER, without parsing it fully: option 53
// usually is the first one.
func discovers(packet []byte) bool {
	if len(packet) < optionsAt {
		return false
	}
	for b := packet[optionsAt:]; len(b) >= 3 && b[0] != 255; {
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

// put adds packets. It returns those that were dropped because their client has too many in
// the queue, and the number dropped because a lane was full.
func (q *queue) put(packets ...datagram) (floods []datagram, full int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range packets {
		mac, lane := chaddr(d.payload), &q.others
		switch {
		case q.isHost(mac):
			lane = &q.hosts
		case discovers(d.payload):
			lane = &q.discovers
		}
		switch {
		case q.queued[mac] >= backlogClient:
			floods = append(floods, d)
		case !lane.put(d):
			full++
		default:
			q.queued[mac]++
		}
	}
	q.ready.Signal() // one worker is enough: it wakes another one when packets remain
	return floods, full
}

// A priority is the lane that a worker serves first. Each lane has such workers, so a flood
// in one lane doesn't block the others.
type priority int

const (
	hostsFirst priority = iota
	discoversFirst
	othersFirst
)

// next waits for packets and fills a batch with them. The batch is empty when the queue is
// closed.
func (q *queue) next(batch []datagram, first priority) []datagram {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.waiting() == 0 && !q.closed {
		q.ready.Wait()
	}
	lanes := [...]*ring{&q.hosts, &q.others, &q.discovers}
	switch first {
	case discoversFirst:
		lanes = [...]*ring{&q.discovers, &q.hosts, &q.others}
	case othersFirst:
		lanes = [...]*ring{&q.others, &q.hosts, &q.discovers}
	}
	batch = batch[:0]
	for _, lane := range lanes {
		batch = lane.take(batch, takeAtOnce-len(batch))
	}
	if q.waiting() > 0 {
		q.ready.Signal()
	}
	return batch
}

func (q *queue) waiting() int { return q.hosts.n + q.others.n + q.discovers.n }

// done marks packets as answered.
func (q *queue) done(packets ...datagram) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range packets {
		mac := chaddr(d.payload)
		if q.queued[mac]--; q.queued[mac] <= 0 {
			delete(q.queued, mac)
		}
	}
}

// close ends the queue: workers get the remaining packets, then none.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
