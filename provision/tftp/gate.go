package tftp

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How many requests of one address wait at once. A client that waits asks again
// each second or so, from the port that it asked from before: those wait as well.
const waitersEach = 16

// stale is how long a transfer must have been silent until a new request from its
// client's port is a client that began anew and not a late copy of the first.
const stale = time.Second

// A gate bounds the transfers at once, of all clients and of one address, and lets
// those over the limit wait a little for their turn, in the order they came. Of
// requests that come from the same port of a client, it lets one through.
type gate struct {
	most     int           // transfers at once
	each     int           // of them, of one address
	room     int           // requests that wait at once
	patience time.Duration // how long one waits

	mu      sync.Mutex
	running int
	waiting int
	of      map[netip.Addr]*load
	ports   map[netip.AddrPort]*ticket // the one request of that port that counts
	queue   []*ticket                  // none of them may run yet
}

// A load is what one address has running and waiting.
type load struct{ running, waiting int }

// A ticket is the gate's leave for one request; it must be given back by leave.
type ticket struct {
	peer  netip.AddrPort
	state ticketState
	turn  chan struct{} // closed when it may run
	moved chan struct{} // closed when the client has acknowledged a block
	gone  chan struct{} // closed by leave
	once  sync.Once
	last  atomic.Int64 // when the client was heard last, in ns; 0 before moved
}

type ticketState int

const (
	queued  ticketState = iota
	runs                // it has its turn
	repeats             // a copy of a request that is being served: to be dropped
)

// heard notes that the client has acknowledged a block.
func (t *ticket) heard(now time.Time) {
	t.last.Store(now.UnixNano())
	t.once.Do(func() { close(t.moved) })
}

// hasMoved reports whether the client has acknowledged a block.
func (t *ticket) hasMoved() bool { return t.last.Load() != 0 }

// enter asks for a turn, and waits for it if need be. The ticket that it returns
// either runs or repeats. The error is errBusy: no turn came in time, or too many
// wait already.
func (g *gate) enter(ctx context.Context, peer netip.AddrPort, clock func() time.Time) (*ticket, error) {
	t := &ticket{peer: peer, turn: make(chan struct{}), moved: make(chan struct{}), gone: make(chan struct{})}
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
		// A copy of a request that has just been let in. It is held until that one's
		// client has answered: any word to it before might end up as the answer.
		select {
		case <-first.moved:
			return t, nil
		case <-enough.C:
			return t, nil
		case <-ctx.Done():
			return t, nil
		case <-first.gone:
			if first.hasMoved() {
				return t, nil
			}
			g.leave(t) // nothing came of the first: this one takes its place
			t.gone = make(chan struct{})
		}
	}
}

// admit takes a ticket in: it runs, is queued, or repeats the one that is returned.
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
	if first != nil && first.hasMoved() && now.Sub(time.Unix(0, first.last.Load())) >= stale {
		first = nil
	}
	switch {
	case first == nil && g.running < g.most && l.running < g.each:
		g.running++
		l.running++
		t.state = runs
		close(t.turn)
	case g.waiting >= g.room || l.waiting >= waitersEach:
		return nil, errBusy
	default:
		g.waiting++
		l.waiting++
		t.state = repeats
		if first == nil {
			t.state = queued
			g.queue = append(g.queue, t)
		}
	}
	g.of[addr] = l
	if first == nil {
		g.ports[t.peer] = t
	}
	return first, nil
}

// await waits for the turn of a ticket that was admitted.
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
	g.leave(t)
	return errBusy
}

// leave gives a ticket back and lets in whoever may run now.
func (g *gate) leave(t *ticket) {
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
	case repeats:
		g.waiting--
		l.waiting--
	}
	if *l == (load{}) {
		delete(g.of, addr)
	}
	if g.ports[t.peer] == t {
		delete(g.ports, t.peer)
	}
	close(t.gone)
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
