package tftp

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// waitersEach is how many requests of one address may wait at once. A waiting client asks
// again each second or so, from the same port. Those requests wait, too.
const waitersEach = 16

// staleAfter is how long a transfer must be silent before a new request from its client's
// port counts as a restarted client, not as a late copy.
const staleAfter = time.Second

// A gate bounds the transfers in progress, of all clients and of each address. Requests
// beyond the limit wait for their turn for a limited time, in order. Of several requests
// from one port of a client, it admits one.
type gate struct {
	most       int           // transfers at once
	each       int           // of them, of one address
	maxWaiting int           // requests that wait at once
	patience   time.Duration // how long one waits

	mu      sync.Mutex
	running int
	waiting int
	of      map[netip.Addr]*load
	ports   map[netip.AddrPort]*ticket // the request that counts, of each port
	queue   []*ticket                  // those that wait for their turn
}

// A load is the number of running and waiting requests of one address, and when one of them
// was last acknowledged, in ns.
type load struct {
	running, waiting int
	last             atomic.Int64
}

// A ticket is the gate's permission for one request. It must be returned with release.
type ticket struct {
	peer     netip.AddrPort
	of       *load // of its address
	state    ticketState
	turn     chan struct{} // closed when it may run
	acked    chan struct{} // closed when the client has acknowledged a block
	released chan struct{} // closed by release
	once     sync.Once
	last     atomic.Int64 // when the client was last heard, in ns; 0 before its first ACK
}

type ticketState int

const (
	queued    ticketState = iota
	runs                  // it has its turn
	duplicate             // a copy of a request in progress, to be dropped
)

// ackedAt records that the client has acknowledged a block.
func (t *ticket) ackedAt(now time.Time) {
	t.last.Store(now.UnixNano())
	t.of.last.Store(now.UnixNano())
	t.once.Do(func() { close(t.acked) })
}

// hasAcked reports whether the client has acknowledged a block.
func (t *ticket) hasAcked() bool { return t.last.Load() != 0 }

// elsewhere reports whether its client has acknowledged a block of another transfer since
// began. A client that asks again from another port has left this transfer.
func (t *ticket) elsewhere(began time.Time) bool {
	at := t.of.last.Load()
	return at != t.last.Load() && at >= began.UnixNano()
}

// enter asks for a turn, and waits for it if necessary. The returned ticket either runs or
// is a duplicate. The error is errBusy: no turn came in time, or too many requests wait
// already.
func (g *gate) enter(ctx context.Context, peer netip.AddrPort, clock func() time.Time) (*ticket, error) {
	t := &ticket{peer: peer, turn: make(chan struct{}), acked: make(chan struct{}), released: make(chan struct{})}
	enough := time.NewTimer(g.patience)
	defer enough.Stop()
	for {
		first, err := g.admit(t, clock())
		if err != nil {
			return nil, err
		}
		if first == nil {
			if err := g.await(ctx, t, enough.C); err != nil {
				return nil, err
			}
			return t, nil
		}
		// This is a copy of a request that was just admitted. It is held until the client has
		// answered the first one, since the client might take any earlier packet for the answer.
		select {
		case <-first.acked:
			return t, nil
		case <-enough.C:
			return t, nil
		case <-ctx.Done():
			return t, nil
		case <-first.released:
			if first.hasAcked() {
				return t, nil
			}
			g.release(t) // the first one failed, so this one takes its place
			t.released = make(chan struct{})
		}
	}
}

// admit decides about a ticket: it runs, is queued, or is a duplicate of the returned one.
func (g *gate) admit(t *ticket, now time.Time) (first *ticket, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = make(map[netip.Addr]*load)
		g.ports = make(map[netip.AddrPort]*ticket)
	}
	addr := t.peer.Addr()
	l := g.of[addr]
	if l == nil {
		l = new(load)
	}
	first = g.ports[t.peer]
	if first != nil && first.hasAcked() && now.Sub(time.Unix(0, first.last.Load())) >= staleAfter {
		first = nil
	}
	switch {
	case first == nil && g.running < g.most && l.running < g.each:
		g.running++
		l.running++
		t.state = runs
		close(t.turn)
	case g.waiting >= g.maxWaiting || l.waiting >= waitersEach:
		return nil, errBusy
	default:
		g.waiting++
		l.waiting++
		t.state = duplicate
		if first == nil {
			t.state = queued
			g.queue = append(g.queue, t)
		}
	}
	g.of[addr], t.of = l, l
	if first == nil {
		g.ports[t.peer] = t
	}
	return first, nil
}

// await waits for the turn of an admitted ticket.
func (g *gate) await(ctx context.Context, t *ticket, enough <-chan time.Time) error {
	select {
	case <-t.turn:
		return nil
	default:
	}
	select {
	case <-t.turn:
		return nil
	case <-enough:
	case <-ctx.Done():
	}
	g.release(t)
	return errBusy
}

// release returns a ticket, and starts requests that may run now.
func (g *gate) release(t *ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	addr := t.peer.Addr()
	l := g.of[addr]
	switch t.state {
	case runs:
		g.running--
		l.running--
	case queued:
		g.queue = slices.DeleteFunc(g.queue, func(q *ticket) bool { return q == t })
		fallthrough
	case duplicate:
		g.waiting--
		l.waiting--
	}
	if l.running == 0 && l.waiting == 0 {
		delete(g.of, addr)
	}
	if g.ports[t.peer] == t {
		delete(g.ports, t.peer)
	}
	close(t.released)
	g.queue = slices.DeleteFunc(g.queue, func(q *ticket) bool {
		l := g.of[q.peer.Addr()]
		if g.running >= g.most || l.running >= g.each {
			return false
		}
		g.running++
		g.waiting--
		l.running++
		l.waiting--
		q.state = runs
		close(q.turn)
		return true
	})
}
