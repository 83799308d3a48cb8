package connlimit

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
)

// Listen makes a listener that applies the limits. With answers, a connection beyond them
// is still returned, so that the server can refuse it with a status (see Over). Without, it
// is closed: before TLS no answer is possible.
func (l *Limiter) Listen(inner net.Listener, answers bool) net.Listener {
	return &listener{inner, l, answers}
}

type listener struct {
	net.Listener
	limiter *Limiter
	answers bool
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := accepted.(stream)
		from, err := netip.ParseAddrPort(accepted.RemoteAddr().String())
		if !ok || err != nil { // not a TCP connection
			return accepted, nil
		}
		x := &conn{stream: tcp, limiter: l.limiter, from: from.Addr().Unmap(), at: -1}
		v, gone := l.limiter.add(x)
		if gone != nil {
			_ = gone.stream.Close() // its server notices and cleans up
		}
		x.over = v == refuse
		if v == reject || x.over && !l.answers {
			_ = x.Close()
			continue
		}
		return x, nil
	}
}

// A stream is the part of a TCP connection that is used: ReadFrom for sendfile, CloseWrite so
// that an answer reaches a client that is still sending, and SyscallConn to ask the kernel
// how much has reached it.
type stream interface {
	net.Conn
	io.ReaderFrom
	syscall.Conn
	CloseWrite() error
}

// A conn is a TCP connection with the methods that net/http looks for.
type conn struct {
	stream
	limiter *Limiter
	from    netip.Addr
	key     key
	over    bool // beyond the limits
	// Of the limiter, under its lock:
	slot *slot
	at   int // index in Limiter.open; -1: it has no slot
}

func (x *conn) Close() error {
	x.limiter.drop(x)
	return x.stream.Close()
}

// ConnState is for http.Server.ConnState. It informs the limiter which connections are
// idle. A connection whose request is still incomplete counts as idle.
func ConnState(c net.Conn, s http.ConnState) {
	x := of(c)
	if x == nil || x.slot == nil {
		return
	}
	switch s {
	case http.StateActive, http.StateIdle:
		x.limiter.busy(x, s == http.StateActive)
	}
}

func of(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	x, _ := c.(*conn)
	return x
}

type overKey struct{}

// ConnContext is for http.Server.ConnContext: it marks the requests of connections beyond
// the limits.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if x := of(c); x != nil && x.over {
		return context.WithValue(ctx, overKey{}, true)
	}
	return ctx
}

// Over reports whether a request's connection is beyond the limits.
func Over(ctx context.Context) bool { return ctx.Value(overKey{}) != nil }
