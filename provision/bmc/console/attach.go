package console

import (
	"context"
	"errors"
	"io"
	"time"

	"rackhand/provision/bmc"
)

const (
	// waiting is how many pieces of output an attachment may be behind.
	waiting = 256
	// lastBytes is what an attachment sees first: the end of what was kept.
	lastBytes = 4096
	// openPatience bounds the wait for the console.
	openPatience = time.Minute
)

// How somebody attaches.
type How struct {
	Takeover bool // detach another client of the BMC, and type instead of another operator
	ReadOnly bool
}

// An Attachment is somebody who looks at a console.
type Attachment struct {
	line     *line
	readOnly bool
	output   chan []byte
}

// Attach attaches to a host's console, and waits until that is open. Without it, the error
// says why, and nothing is attached.
func (h *Hub) Attach(ctx context.Context, host string, how How) (*Attachment, error) {
	before := h.Tail(host, lastBytes)
	h.mu.Lock()
	if h.over == nil || h.over.Err() != nil {
		h.mu.Unlock()
		return nil, errors.New("the appliance is starting or stopping: try again")
	}
	l := h.line(host)
	a := &Attachment{line: l, readOnly: how.ReadOnly, output: make(chan []byte, waiting)}
	if before != "" {
		a.output <- []byte(before)
	}
	l.attached[a] = true
	l.takeover = l.takeover || how.Takeover
	tries := l.tries
	if l.conn == nil {
		select {
		case l.retry <- struct{}{}:
		default:
		}
	}
	h.mu.Unlock()
	if err := h.opened(ctx, l, tries); err != nil {
		a.Close()
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l.takeover = false // of a console that was open already
	switch {
	case a.readOnly:
	case l.writer == nil:
		l.writer = a
	case how.Takeover:
		l.tell("another operator types from now on")
		l.writer = a
	default:
		l.tell("one more operator looks; --takeover lets them type")
	}
	return a, nil
}

// opened waits until a console is open, or a try to open it that began after the call failed.
func (h *Hub) opened(ctx context.Context, l *line, tries int) error {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	for {
		h.mu.Lock()
		open, failed, now, again := l.conn != nil, l.failed, l.tries, l.takeover
		h.mu.Unlock()
		switch {
		case open:
			return nil
		case failed != nil && now > tries && !again:
			return failed
		case ctx.Err() != nil:
			return &bmc.Error{Op: "attach to the console", Kind: bmc.ErrUnreachable, Err: ctx.Err()}
		}
		h.Sleep(ctx, 50*time.Millisecond)
	}
}

// Output gives what the console prints, from the end of what was kept. It is closed when the
// attachment ends.
func (a *Attachment) Output() <-chan []byte { return a.output }

// ErrReadOnly is the error of a Write by somebody who doesn't type.
var ErrReadOnly = errors.New("another operator types; attach with takeover to type")

// Write sends what was typed. While the console is lost, it is dropped.
func (a *Attachment) Write(b []byte) (int, error) {
	conn, err := a.console()
	if err != nil || conn == nil {
		return len(b), err
	}
	return conn.Write(b)
}

// Break sends a serial break.
func (a *Attachment) Break() error {
	conn, err := a.console()
	if err != nil {
		return err
	}
	if b, ok := conn.(bmc.Breaker); ok {
		return b.Break()
	}
	return bmc.ErrUnsupported
}

// console is the open console for somebody who may type; nil while it is lost.
func (a *Attachment) console() (io.Writer, error) {
	h := a.line.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.line.writer == nil && !a.readOnly && a.line.attached[a] {
		a.line.writer = a // the one who typed has gone
	}
	if a.line.writer != a {
		return nil, ErrReadOnly
	}
	if a.line.conn == nil {
		return nil, nil
	}
	return a.line.conn, nil
}

// Close detaches.
func (a *Attachment) Close() {
	a.line.hub.mu.Lock()
	defer a.line.hub.mu.Unlock()
	a.line.detach(a)
}
