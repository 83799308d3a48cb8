// Package connlimit limits the connections of a TCP port: a number for each address,
// a number for all unknown addresses together, and a share reserved for known
// addresses. A full port makes room: the client with the most connections loses its
// oldest idle one.
package connlimit

import (
	"net/netip"
	"sync"
)

// A Limiter bounds the connections of one or several listeners together.
type Limiter struct {
	limits Limits
	known  func(netip.Addr) bool

	mu      sync.Mutex
	clients map[key]*client
	open    []*slot
	conns   []*conn // of open, by the same index
	used    [2]int  // open connections of unknown addresses, and of known ones
	tick    uint64
}

// New makes a limiter. known reports which addresses may use the share that is kept for
// known ones; nil means none. It is called for each connection, and must not block.
func New(limits Limits, known func(netip.Addr) bool) *Limiter {
	if known == nil {
		known = func(netip.Addr) bool { return false }
	}
	return &Limiter{limits: limits, known: known, clients: map[key]*client{}}
}

// A key identifies a client.
type key struct {
	of    netip.Addr
	known bool
}

// Source is the address that connections of a are counted under: its network of 64 bits for
// IPv6, since one machine has all of it (RFC 4291 section 2.5.4), and a itself for IPv4.
func Source(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}

// Open returns how many connections are open.
func (l *Limiter) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// add decides about a connection and, unless it is to be closed, gives it a slot. The caller
// closes gone, which made room for it.
func (l *Limiter) add(x *conn) (v verdict, gone *conn) {
	x.key = key{Source(x.from), l.known(x.from)}
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.clients[x.key]
	if from == nil {
		from = &client{known: x.key.known}
	}
	v, out := l.limits.decide(l.open, from, l.used[index(from.known)])
	switch v {
	case reject:
		return v, nil
	case replace:
		gone = l.conns[out]
		l.remove(gone)
	}
	l.tick++
	x.slot, x.at = &slot{of: from, idle: true, since: l.tick}, len(l.open)
	l.clients[x.key] = from
	from.held++
	l.used[index(from.known)]++
	l.open, l.conns = append(l.open, x.slot), append(l.conns, x)
	return v, gone
}

func (l *Limiter) drop(x *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(x)
}

// remove frees the slot of a connection. A second call does nothing.
func (l *Limiter) remove(x *conn) {
	if x.at < 0 {
		return
	}
	last := len(l.open) - 1
	l.open[x.at], l.conns[x.at] = l.open[last], l.conns[last]
	l.conns[x.at].at = x.at
	l.open[last], l.conns[last] = nil, nil
	l.open, l.conns = l.open[:last], l.conns[:last]
	x.at = -1
	from := x.slot.of
	l.used[index(from.known)]--
	if from.held--; from.held == 0 {
		delete(l.clients, x.key)
	}
}

// busy records whether a request of a connection is being answered.
func (l *Limiter) busy(x *conn, busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick++
	x.slot.idle, x.slot.since = !busy, l.tick
}

func index(known bool) int {
	if known {
		return 1
	}
	return 0
}
