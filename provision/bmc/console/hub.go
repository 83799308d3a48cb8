// Package console keeps the serial consoles of hosts open: while an operator is attached, and
// while the console is recorded. There is one session at a BMC for all who look, one of them
// types, and the end of each console is kept in a file.
package console

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Options are the options of a Hub. All but Recorded are required.
type Options struct {
	// Open attaches to the console of a host, see bmc.Consoles.
	Open func(ctx context.Context, host string, takeover bool) (io.ReadWriteCloser, error)
	// Recorded are the hosts whose console is kept open without anybody attached; nil: none.
	Recorded func() []string
	Folder   string // for the logs
	Now      func() time.Time
	// Sleep waits, or ends with the context.
	Sleep func(ctx context.Context, d time.Duration)
	Log   *slog.Logger
}

const (
	// lookEvery is how often the hosts to record are looked up.
	lookEvery = 5 * time.Second
	// A console that was lost is opened again after minPause, and later up to maxPause.
	minPause = time.Second
	maxPause = 5 * time.Minute
)

// A Hub keeps the consoles of all hosts. Its methods may be called from many goroutines.
type Hub struct {
	Options
	mu    sync.Mutex
	lines map[string]*line
	over  context.Context // ends with Run; nil before it
	wg    sync.WaitGroup
}

// New makes a Hub. Nobody can attach before Run.
func New(o Options) *Hub { return &Hub{Options: o, lines: map[string]*line{}} }

// Run records consoles until ctx ends, and then closes all.
func (h *Hub) Run(ctx context.Context) error {
	h.mu.Lock()
	h.over = ctx
	h.mu.Unlock()
	defer h.wg.Wait()
	for ctx.Err() == nil {
		h.record()
		h.Sleep(ctx, lookEvery)
	}
	return nil
}

// record begins and ends the records of consoles.
func (h *Hub) record() {
	wanted := map[string]bool{}
	if h.Recorded != nil {
		for _, host := range h.Recorded() {
			wanted[host] = true
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for host := range wanted {
		h.line(host).recorded = true
	}
	for host, l := range h.lines {
		if l.recorded = wanted[host]; !l.needed() {
			l.end()
		}
	}
}

// line is the console of a host, which is opened if it isn't yet. The hub is locked.
func (h *Hub) line(host string) *line {
	old := h.lines[host]
	if old != nil && !old.ended {
		return old
	}
	ctx, stop := context.WithCancel(h.over)
	l := &line{hub: h, host: host, stop: stop, retry: make(chan struct{}, 1), done: make(chan struct{}), attached: map[*Attachment]bool{}}
	h.lines[host] = l
	h.wg.Go(func() {
		if old != nil {
			<-old.done // a BMC has one console session
		}
		l.run(ctx)
	})
	return l
}

// Tail is the end of a host's console as it was kept, at most that many bytes; "" when
// nothing was.
func (h *Hub) Tail(host string, most int64) string { return readTail(h.path(host), most) }
