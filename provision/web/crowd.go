package web

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
)

// How many connections may be open at once. A box has a handful: an installer that
// loads in parallel, a package manager behind it.
const (
	maxOfOne = 128
	maxInAll = 4096
)

// A crowd counts the connections of each address.
type crowd struct {
	ofOne, inAll int
	mu           sync.Mutex
	open         map[netip.Addr]int
	all          int
}

func newCrowd() *crowd {
	return &crowd{ofOne: maxOfOne, inAll: maxInAll, open: make(map[netip.Addr]int)}
}

// Crowd bounds how many connections of a listener are open at once, of one address and
// in all, where nothing can be said to one too many before TLS: it is closed.
func Crowd(l net.Listener) net.Listener { return newCrowd().limit(l) }

// limit makes a listener whose connections are counted. One too many is still taken,
// to be told so (503); twice as many are closed without a word, so that what it costs
// to tell is bounded too.
func (c *crowd) limit(l net.Listener) net.Listener { return &countingListener{l, c} }

func (c *crowd) enter(a netip.Addr) (over, far bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[a]++
	c.all++
	return c.open[a] > c.ofOne || c.all > c.inAll, c.open[a] > 2*c.ofOne || c.all > 2*c.inAll
}

func (c *crowd) leave(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.open[a]--; c.open[a] <= 0 {
		delete(c.open, a)
	}
}

type countingListener struct {
	net.Listener
	crowd *crowd
}

func (l *countingListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(stream)
		ap, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if !ok || err != nil { // no TCP connection
			return conn, nil
		}
		from := ap.Addr().Unmap()
		over, far := l.crowd.enter(from)
		counted := &countedConn{stream: tcp, over: over, leave: sync.OnceFunc(func() { l.crowd.leave(from) })}
		if !far {
			return counted, nil
		}
		counted.Close()
	}
}

// A stream is what net/http uses of a TCP connection: ReadFrom is where sendfile is,
// CloseWrite is how an answer reaches a client that is still sending.
type stream interface {
	net.Conn
	io.ReaderFrom
	CloseWrite() error
}

// A countedConn is a TCP connection with all that it can.
type countedConn struct {
	stream
	over  bool // one too many
	leave func()
}

func (c *countedConn) Close() error {
	c.leave()
	return c.stream.Close()
}

type overKey struct{}

// remember is an http.Server's ConnContext: requests learn that their connection is
// one too many.
func remember(ctx context.Context, c net.Conn) context.Context {
	if counted, ok := c.(*countedConn); ok && counted.over {
		return context.WithValue(ctx, overKey{}, true)
	}
	return ctx
}

func tooMany(ctx context.Context) bool { return ctx.Value(overKey{}) != nil }
