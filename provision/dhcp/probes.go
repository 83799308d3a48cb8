package dhcp

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"rackhand/inventory"
)

// How long an address is listened to before it is offered for the first time, how
// many are at once, and how many addresses are tried for one DISCOVER.
const (
	probeWait  = 200 * time.Millisecond
	probeMost  = 1024
	probeTries = 3
)

// A probe is an address that the network was asked about.
type probe struct {
	addr  netip.Addr
	mac   inventory.MAC   // who is to have it
	cards []inventory.MAC // the cards that may answer there: the host's
	owner inventory.MAC   // set: which card of the host is there is the question
	name  string          // the host, or the MAC of an unclaimed box
	until time.Time
	// reply is the offer that waits for it, and asked what it answers; nil for an
	// address that is reserved, whose offer doesn't wait.
	reply []byte
	to    destination
	asked datagram
	ended bool
}

// probes are those under way: at most probeMost, each for the same time.
type probes struct {
	mu     sync.Mutex
	byAddr map[netip.Addr]*probe
	byMAC  map[inventory.MAC]*probe // those that an offer waits for
	queue  []*probe                 // by until
	wake   chan struct{}            // the queue isn't empty any more
}

func newProbes() *probes {
	return &probes{byAddr: map[netip.Addr]*probe{}, byMAC: map[inventory.MAC]*probe{}, wake: make(chan struct{}, 1)}
}

// begin enters a probe. It returns false when there is no room.
func (p *probes) begin(x *probe) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.byMAC[x.mac]; old != nil && x.reply != nil {
		p.end(old) // it asks from elsewhere now, so it got another address
	}
	if p.byAddr[x.addr] != nil || len(p.queue) >= probeMost {
		return false
	}
	p.byAddr[x.addr] = x
	if x.reply != nil {
		p.byMAC[x.mac] = x
	}
	p.queue = append(p.queue, x)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return true
}

// replace puts another offer of the same address in the place of one that waits: the
// client asked again. It returns false when none waits.
func (p *probes) replace(mac inventory.MAC, addr netip.Addr, asked datagram, reply []byte, to destination) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.byMAC[mac]
	if x == nil || x.addr != addr {
		return false
	}
	asked.tries = x.asked.tries
	x.asked, x.reply, x.to = asked, reply, to
	return true
}

// expire returns the probes that nobody answered in time, and when the next one is
// over; the zero time when there is none.
func (p *probes) expire(now time.Time) (quiet []probe, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) > 0 {
		x := p.queue[0]
		// A clock that is set back must not hold an offer for hours.
		if left := x.until.Sub(now); !x.ended && left > 0 && left <= probeWait {
			return quiet, x.until
		}
		if !x.ended {
			quiet = append(quiet, *x)
			p.end(x)
		}
		p.queue[0] = nil
		p.queue = p.queue[1:]
	}
	p.queue = nil
	return quiet, time.Time{}
}

// heard takes an answer from an address, and ends the probe that it answers. It
// returns nil when there is none, or the answer is the client's own and nothing is to be
// learned from that.
func (p *probes) answered(addr netip.Addr, by inventory.MAC) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.byAddr[addr]
	if x == nil || x.owner == (inventory.MAC{}) && (by == x.mac || slices.Contains(x.cards, by)) {
		return nil
	}
	p.end(x)
	return x
}

// cancel ends a probe that wasn't sent.
func (p *probes) cancel(x *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(x)
}

// end takes a probe out, but for its place in the queue; the caller holds the lock.
func (p *probes) end(x *probe) {
	x.ended = true
	if p.byAddr[x.addr] == x {
		delete(p.byAddr, x.addr)
	}
	if p.byMAC[x.mac] == x {
		delete(p.byMAC, x.mac)
	}
}
