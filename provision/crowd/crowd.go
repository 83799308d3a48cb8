// Package crowd bounds the connections of a TCP port, so that nobody closes its door for
// all: so many of one address, so many of all strangers, and a share that is kept for
// addresses that are known. What is full makes room: the oldest idle connection of who has
// the most gives way to who comes.
package crowd

import (
	"net/netip"
	"sync"
)

// A Crowd counts the connections of one or several listeners.
type Crowd struct {
	limits Limits
	known  func(netip.Addr) bool

	mu       sync.Mutex
	visitors map[key]*visitor
	open     []*place
	conns    []*conn // of open, by the same index
	share    [2]int  // open places of strangers, and of the known
	tick     uint64
}

// New makes a crowd. known says which addresses may take the share that is kept; nil: none.
// It is called for each connection, and must not wait.
func New(l Limits, known func(netip.Addr) bool) *Crowd {
	if known == nil {
		known = func(netip.Addr) bool { return false }
	}
	return &Crowd{limits: l, known: known, visitors: map[key]*visitor{}}
}

// A key is what counts as one visitor.
type key struct {
	of    netip.Addr
	known bool
}

// One is what counts as one address: an IPv6 network of 64 bits, of which a machine has all
// (RFC 4291 section 2.5.4); else the address.
func One(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}

// Open is how many connections are open.
func (c *Crowd) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// enter decides about a connection and, unless it is cut, gives it a place. gone is the one
// that had to make room; the caller closes it.
func (c *Crowd) enter(x *conn) (v verdict, gone *conn) {
	x.who = key{One(x.from), c.known(x.from)}
	c.mu.Lock()
	defer c.mu.Unlock()
	who := c.visitors[x.who]
	if who == nil {
		who = &visitor{known: x.who.known}
	}
	v, out := c.limits.decide(c.open, who, c.share[index(who.known)])
	switch v {
	case cut:
		return v, nil
	case swap:
		gone = c.conns[out]
		c.remove(gone)
	}
	c.tick++
	x.place, x.at = &place{of: who, idle: true, since: c.tick}, len(c.open)
	c.visitors[x.who] = who
	who.held++
	c.share[index(who.known)]++
	c.open, c.conns = append(c.open, x.place), append(c.conns, x)
	return v, gone
}

func (c *Crowd) leave(x *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(x)
}

// remove takes a connection's place away; a second time it does nothing.
func (c *Crowd) remove(x *conn) {
	if x.at < 0 {
		return
	}
	last := len(c.open) - 1
	c.open[x.at], c.conns[x.at] = c.open[last], c.conns[last]
	c.conns[x.at].at = x.at
	c.open[last], c.conns[last] = nil, nil
	c.open, c.conns = c.open[:last], c.conns[:last]
	x.at = -1
	who := x.place.of
	c.share[index(who.known)]--
	if who.held--; who.held == 0 {
		delete(c.visitors, x.who)
	}
}

// busy notes that a request of a connection is being answered, or isn't any more.
func (c *Crowd) busy(x *conn, busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick++
	x.place.idle, x.place.since = !busy, c.tick
}

func index(known bool) int {
	if known {
		return 1
	}
	return 0
}
