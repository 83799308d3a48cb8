package dhcp

import (
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// How much waits to be answered, in packets: DISCOVERs, others, those of hosts, and of one client,
// those that are being answered among them. A client has one question at a time, and
// asks again when it isn't answered.
const (
	backlogDiscovers = 1024
	backlogOthers    = 4096
	backlogKnown     = 2048
	backlogClient    = 4
)

// takeAtOnce is how many packets a worker takes at once. It may have to wait for the
// journal with any of them, so there are workers enough for the others.
const takeAtOnce = 16

// A queue holds packets between the reader and the workers. A client that floods it
// loses its own packets and nobody else's. What hosts of the inventory send waits apart, so
// that made-up clients keep no host from its address. DISCOVERs of the others wait apart as
// well: when more come than can be answered, a client that has an offer gets its lease,
// where otherwise each would wait its turn twice and none would end in time.
type queue struct {
	mu                sync.Mutex
	ready             sync.Cond // there are packets, or the queue has ended
	discovers, others ring
	hosts             ring
	isHost            func(inventory.MAC) bool
	queued            map[inventory.MAC]int // also those that a worker has, or wait for the disk
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

// A ring holds packets in the order in which they came, as many as it was made for.
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

// put enters packets. It returns those that had to be dropped because their sender has
// too many in it, and how many because it is full.
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
	q.ready.Signal() // one worker for them all; it wakes another when it can't take all
	return floods, full
}

// A turn is which lane a worker serves first. Some have to serve each, so that a flood in
// one keeps nobody from the others.
type priority int

const (
	hostsFirst priority = iota
	discoversFirst
	othersFirst
)

// next fills a batch with packets to answer, and waits for one; the batch is empty when
// the queue has ended.
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

// done says that packets were answered.
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

// close ends the queue: workers get what is in it, and then nothing.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
