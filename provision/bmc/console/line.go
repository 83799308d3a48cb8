package console

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A line is the console of one host. The hub's lock guards it.
type line struct {
	hub      *Hub
	host     string
	stop     context.CancelFunc
	ended    bool          // stop was called
	done     chan struct{} // is closed when its session is
	retry    chan struct{} // somebody has attached: don't wait
	attached map[*Attachment]bool
	writer   *Attachment // who types
	recorded bool
	takeover bool // the next login detaches another client
	conn     io.ReadWriteCloser
	failed   error // of the last try to open it
	tries    int
	record   *record
}

func (l *line) needed() bool { return l.recorded || len(l.attached) > 0 }

// end stops a console that isn't needed. The hub is locked.
func (l *line) end() {
	l.ended = true
	l.stop()
}

// run keeps the console open until it isn't needed.
func (l *line) run(ctx context.Context) {
	defer close(l.done)
	l.record = &record{path: l.hub.path(l.host)}
	defer l.record.close()
	for pause := minPause; ctx.Err() == nil; {
		l.hub.mu.Lock()
		takeover := l.takeover
		l.takeover = false
		l.hub.mu.Unlock()
		conn, err := l.hub.Open(ctx, l.host, takeover)
		if err == nil {
			pause = minPause
			err = l.follow(ctx, conn)
		}
		if ctx.Err() != nil {
			break
		}
		l.lost(err)
		l.wait(ctx, pause)
		pause = min(2*pause, maxPause)
	}
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	for a := range l.attached {
		close(a.output)
	}
	l.attached = map[*Attachment]bool{}
	l.ended = true
	if l.hub.lines[l.host] == l {
		delete(l.hub.lines, l.host)
	}
}

// follow passes on what a console prints until it ends, and closes it.
func (l *line) follow(ctx context.Context, conn io.ReadWriteCloser) error {
	closed := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if closed() {
			_ = conn.Close()
		}
	}()
	l.hub.mu.Lock()
	l.conn, l.failed = conn, nil
	l.tries++
	l.tell(fmt.Sprintf("console of %s, %s", l.host, l.hub.Now().UTC().Format(time.DateTime+" MST")))
	l.hub.mu.Unlock()
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		l.hub.mu.Lock()
		l.pass(b[:n])
		if err != nil {
			l.conn = nil
			l.hub.mu.Unlock()
			return err
		}
		l.hub.mu.Unlock()
	}
}

// lost tells all that the console is gone, or can't be opened.
func (l *line) lost(err error) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.tries++
	if l.failed == nil || l.failed.Error() != err.Error() {
		l.tell(fmt.Sprintf("no console: %v; rackhand tries again", err))
		l.hub.Log.Debug("console", "host", l.host, "error", err)
	}
	l.failed = err
}

// wait waits before the next try, or until somebody attaches.
func (l *line) wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.retry:
			cancel()
		case <-ctx.Done():
		}
	}()
	l.hub.Sleep(ctx, d)
}

// tell passes on a word of our own. The hub is locked.
func (l *line) tell(text string) { l.pass([]byte("\r\n[rackhand: " + text + "]\r\n")) }

// pass keeps and passes on what was printed. The hub is locked.
func (l *line) pass(b []byte) {
	if len(b) == 0 {
		return
	}
	if err := l.record.write(b); err != nil {
		l.hub.Log.Warn("keeping a console", "host", l.host, "error", err)
	}
	for a := range l.attached {
		select {
		case a.output <- append([]byte(nil), b...):
		default: // it doesn't read: a slow terminal holds up nobody else
			l.detach(a)
		}
	}
}

// detach removes an attachment. The hub is locked.
func (l *line) detach(a *Attachment) {
	if !l.attached[a] {
		return
	}
	delete(l.attached, a)
	close(a.output)
	if l.writer == a {
		l.writer = nil
	}
	if !l.needed() {
		l.end()
	}
}
