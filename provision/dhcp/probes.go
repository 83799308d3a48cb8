package dhcp

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"rackhand/inventory"
)

// How long a probe waits for an answer, how many probes run at once, and how many
// addresses are tried for one DISCOVER.
const (
	probeWait  = 200 * time.Millisecond
	probeMost  = 1024
	probeTries = 3
)

// A probe is an address that the network was asked about.
type probe struct {
	addr  netip.Addr
	mac   inventory.MAC   // the card that is to get it
	cards []inventory.MAC // the host's cards, which may answer there
	owner inventory.MAC   // when set, the probe asks which card of the host is there
	name  string          // the host, or the MAC of an unclaimed box
	until time.Time
	// reply is the offer that waits for the probe, and asked the packet that it answers.
	// reply is nil for a reserved address, whose offer doesn't wait.
	reply []byte
	to    destination
	asked datagram
	ended bool
}

// probes are those in progress: at most probeMost, each for the same time.
type probes struct {
	mu     sync.Mutex
	byAddr map[netip.Addr]*probe
	byMAC  map[inventory.MAC]*probe // those that an offer waits for
	queue  []*probe                 // by until
	wake   chan struct{}            // the queue is no longer empty
}

func newProbes() *probes {
	return &probes{byAddr: map[netip.Addr]*probe{}, byMAC: map[inventory.MAC]*probe{}, wake: make(chan struct{}, 1)}
}

// begin adds a probe. It returns false when too many run, or one of this address does.
func (p *probes) begin(x *probe) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.byMAC[x.mac]; old != nil && x.reply != nil {
		p.end(old) // it asks from another network now, so it got another address
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

// replace puts a new offer of the same address in the place of one that waits, because the
// client asked again. It returns false when no offer waits.
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

// expire returns the probes that got no answer in time, and the end of the next one; the
// zero time when none is left.
func (p *probes) expire(now time.Time) (quiet []probe, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) > 0 {
		x := p.queue[0]
		// A clock that is set back must not delay an offer for hours.
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

// answered takes an answer from an address, and ends the probe of that address. It returns
// nil when there is no such probe, or when the answer is the client's own and so proves
// nothing.
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

// end removes a probe, but leaves its place in the queue. The caller holds the lock.
func (p *probes) end(x *probe) {
	x.ended = true
	if p.byAddr[x.addr] == x {
		delete(p.byAddr, x.addr)
	}
	if p.byMAC[x.mac] == x {
		delete(p.byMAC, x.mac)
	}
}
