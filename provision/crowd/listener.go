package crowd

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
)

// Listen makes a listener whose TCP connections are in the crowd. One too many is handed on
// all the same where tells is true, so that it is told (see Over); else it is closed, as
// before TLS, where nothing can be said.
func (c *Crowd) Listen(l net.Listener, tells bool) net.Listener { return &listener{l, c, tells} }

type listener struct {
	net.Listener
	crowd *Crowd
	tells bool
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := accepted.(stream)
		from, err := netip.ParseAddrPort(accepted.RemoteAddr().String())
		if !ok || err != nil { // no TCP connection
			return accepted, nil
		}
		x := &conn{stream: tcp, crowd: l.crowd, from: from.Addr().Unmap(), at: -1}
		v, gone := l.crowd.enter(x)
		if gone != nil {
			_ = gone.stream.Close() // its server sees it and clears up
		}
		x.over = v == tell
		if v == cut || x.over && !l.tells {
			_ = x.Close()
			continue
		}
		return x, nil
	}
}

// A stream is what net/http uses of a TCP connection: ReadFrom is where sendfile is,
// CloseWrite is how an answer reaches a client that is still sending.
type stream interface {
	net.Conn
	io.ReaderFrom
	CloseWrite() error
}

// A conn is a TCP connection with all that it can.
type conn struct {
	stream
	crowd *Crowd
	from  netip.Addr
	who   key
	over  bool // one too many
	// Of the crowd, under its lock:
	place *place
	at    int // in Crowd.open; -1: it has no place
}

func (x *conn) Close() error {
	x.crowd.leave(x)
	return x.stream.Close()
}

// State is an http.Server's ConnState: the crowd learns which connections are idle. A
// connection whose request hasn't come in whole counts as idle.
func State(c net.Conn, s http.ConnState) {
	x := of(c)
	if x == nil || x.place == nil {
		return
	}
	switch s {
	case http.StateActive, http.StateIdle:
		x.crowd.busy(x, s == http.StateActive)
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

// Remember is an http.Server's ConnContext: requests learn that their connection is one too
// many.
func Remember(ctx context.Context, c net.Conn) context.Context {
	if x := of(c); x != nil && x.over {
		return context.WithValue(ctx, overKey{}, true)
	}
	return ctx
}

// Over reports whether a request's connection is one too many.
func Over(ctx context.Context) bool { return ctx.Value(overKey{}) != nil }
