package ipmi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

const (
	// solUnread and solTyped bound what waits for the reader and for the BMC.
	solUnread = 256 << 10
	solTyped  = 4 << 10
)

// A solConn is an open console. go-ipmi's SOLStream isn't used: it asks the BMC ten times a
// second for output that the BMC sends unasked, sends each typed character in a packet of
// its own, ends at the first lost packet, and takes any packet for an acknowledgement.
type solConn struct {
	s      *session
	window replayWindow // of the loop alone
	id     uint32

	mu      sync.Mutex
	state   solState
	unread  []byte
	err     error // why it has ended
	changed *sync.Cond

	wake   chan struct{} // something was typed
	done   chan struct{} // is closed by Close
	loops  sync.WaitGroup
	closed sync.Once
}

// stream begins the exchange of characters. The session is used by it alone from now on.
func (s *session) stream(size int) *solConn {
	c := &solConn{
		s: s, id: binary.LittleEndian.Uint32(s.guard.sessionID()), state: solState{most: size},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.changed = sync.NewCond(&c.mu)
	datagrams := make(chan []byte, 32)
	_ = s.guard.Conn.SetReadDeadline(time.Time{})
	c.loops.Go(func() { c.listen(datagrams) })
	c.loops.Go(func() { c.run(datagrams) })
	return c
}

// listen reads datagrams until Close.
func (c *solConn) listen(datagrams chan<- []byte) {
	defer close(datagrams)
	for {
		b := make([]byte, maxDatagram)
		n, err := c.s.guard.Conn.Read(b)
		select {
		case <-c.done:
			return
		default:
		}
		var op *net.OpError
		switch {
		case err == nil:
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded), !errors.As(err, &op):
			return
		default:
			// An ICMP error: the BMC's port is closed while it restarts.
			select {
			case <-time.After(solPause):
				continue
			case <-c.done:
				return
			}
		}
		select {
		case datagrams <- b[:n]:
		case <-c.done:
			return
		}
	}
}

// run sends what is due, until the session ends.
func (c *solConn) run(datagrams <-chan []byte) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.mu.Lock()
		do := c.state.step(time.Now())
		c.changed.Broadcast() // there may be room for more
		c.mu.Unlock()
		switch {
		case do.silent:
			c.end(&bmc.Error{Kind: bmc.ErrSilent})
			return
		case do.dropped > 0:
			c.say(fmt.Sprintf("the box takes no characters: %d were dropped", do.dropped))
		}
		if do.packet != nil {
			c.send(payloadSOL, do.packet)
		}
		if do.probe {
			c.command(types.CommandGetDeviceID)
		}
		timer.Reset(time.Until(do.wake))
		select {
		case d, ok := <-datagrams:
			if !ok {
				c.end(&bmc.Error{Kind: bmc.ErrUnreachable})
				return
			}
			c.receive(d)
		case <-c.wake:
		case <-timer.C:
		case <-c.done:
			return
		}
	}
}

// receive takes a datagram, if it is one of the session.
func (c *solConn) receive(d []byte) {
	kind, plain, seq, why := c.open(d)
	if why != "" {
		c.s.log.Debug("datagram from a BMC dropped", "reason", why)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.heard = time.Now()
	if kind != payloadSOL || len(c.unread) > solUnread {
		return // what isn't acknowledged comes again
	}
	e := c.state.receive(plain, seq, c.state.heard)
	if e.lost {
		c.unread = append(c.unread, notice("the BMC dropped output here")...)
	}
	c.unread = append(c.unread, e.chars...)
	if e.ack != nil {
		c.send(payloadSOL, e.ack)
	}
	if e.ended && c.err == nil {
		c.err = &bmc.Error{Kind: bmc.ErrConsoleEnded}
	}
	c.changed.Broadcast()
}

// open checks a datagram as strictly as an answer to a command: header, session, keys,
// and a number that is new.
func (c *solConn) open(b []byte) (kind byte, plain []byte, seq uint32, why string) {
	if len(b) < headerSize || b[0] != 0x06 || b[3] != 0x07 || b[4] != 0x06 {
		return 0, nil, 0, "not RMCP+"
	}
	kind = b[5] & 0x3f
	length := int(binary.LittleEndian.Uint16(b[14:]))
	g := c.s.guard
	switch {
	case kind != payloadSOL && kind != payloadIPMI:
		return 0, nil, 0, notAwaited
	case length > len(b)-headerSize:
		return 0, nil, 0, "shorter than it says"
	case binary.LittleEndian.Uint32(b[6:]) != g.consoleID:
		return 0, nil, 0, "of another session"
	}
	if plain, why = g.unseal(b, b[headerSize:headerSize+length]); why != "" {
		return 0, nil, 0, why
	}
	if seq = binary.LittleEndian.Uint32(b[10:]); !c.window.fresh(seq) {
		return 0, nil, 0, "it came before"
	}
	return kind, plain, seq, ""
}

// send seals a message and sends it. What is lost is sent again when it is due.
func (c *solConn) send(kind byte, message []byte) {
	g := c.s.guard
	g.lastSeq++
	if d, err := g.seal(kind, message, c.id, g.lastSeq); err == nil {
		_, _ = g.Conn.Write(d)
	}
}

func (c *solConn) command(cmd types.Command, data ...byte) {
	g := c.s.guard
	g.lastSeq++
	if d, err := g.command(cmd, c.id, g.lastSeq, data); err == nil {
		_, _ = g.Conn.Write(d)
	}
}

// say tells the reader something among the output.
func (c *solConn) say(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unread = append(c.unread, notice(text)...)
	c.changed.Broadcast()
}

func notice(text string) string { return "\r\n[rackhand: " + text + "]\r\n" }

// end records why the session is over.
func (c *solConn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.changed.Broadcast()
}

// Read returns what the box has printed.
func (c *solConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.unread) == 0 && c.err == nil {
		c.changed.Wait()
	}
	if len(c.unread) == 0 {
		return 0, c.err
	}
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// Write takes what was typed, and waits while much of it waits for the BMC.
func (c *solConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for done := 0; done < len(b); {
		for len(c.state.waiting) >= solTyped && c.err == nil {
			c.changed.Wait()
		}
		if c.err != nil {
			return done, c.err
		}
		n := min(len(b)-done, solTyped-len(c.state.waiting))
		c.state.waiting = append(c.state.waiting, b[done:done+n]...)
		done += n
		c.poke()
	}
	return len(b), nil
}

// Break implements bmc.Breaker.
func (c *solConn) Break() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.breaks = true
	c.poke()
	return c.err
}

func (c *solConn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close detaches from the console and logs out.
func (c *solConn) Close() error {
	c.closed.Do(func() {
		c.end(io.ErrClosedPipe)
		close(c.done)
		_ = c.s.guard.Conn.SetReadDeadline(time.Now())
		c.loops.Wait()
		defer c.s.guard.Close()
		if !c.answers(types.CommandDeactivatePayload, payloadSOL, solInstance, 0, 0, 0, 0) {
			// A BMC that has forgotten the session doesn't answer.
			c.command(types.CommandCloseSession, c.s.guard.sessionID()...)
			return
		}
		c.answers(types.CommandCloseSession, c.s.guard.sessionID()...)
	})
	return nil
}

// answers sends a command until the BMC answers it, in whatever way.
func (c *solConn) answers(cmd types.Command, data ...byte) bool {
	b := make([]byte, maxDatagram)
	wait := c.s.driver.exchange() / 4
	for range goodbyes {
		c.command(cmd, data...)
		_ = c.s.guard.Conn.SetReadDeadline(time.Now().Add(wait))
		for {
			n, err := c.s.guard.Conn.Read(b)
			if err != nil {
				break
			}
			kind, plain, _, why := c.open(b[:n])
			if why == "" && kind == payloadIPMI && len(plain) >= 8 && plain[5] == cmd.ID {
				return true
			}
		}
	}
	return false
}
