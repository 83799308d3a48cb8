// Package power controls boxes through their BMCs: power, and the next boot device. Every
// operation takes the turn at its BMC, opens a session, acts, checks the result and closes
// the session. BMCs have few sessions, and an open one blocks the next for a minute.
package power

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/store"
	"rackhand/provision/trace"
)

// Options tune a Controller; the zero value of each but Drivers is usable.
type Options struct {
	Log *slog.Logger
	// Drivers speak the protocols; required.
	Drivers map[bmc.Protocol]bmc.Driver
	// Timeout bounds a login, and one exchange after it: 30 s when 0.
	Timeout time.Duration
	// Settle bounds the time in which a box must reach the new power state, for targets that
	// have none: 60 s when 0. BMCs report a state up to 20 s late.
	Settle time.Duration
	// Poll is the pause between two looks at it: 500 ms when 0.
	Poll time.Duration
	// Store keeps what was found out about BMCs, under the prefix bmc/; nil: this process
	// alone remembers it.
	Store store.Store
	// Trace takes each operation, without the account; nil: none is traced.
	Trace func(trace.Fact)
	// Now is the clock, and Sleep waits by it, or ends with the context: time.Now and a
	// timer when nil.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// A Controller talks to BMCs. It may be used from many goroutines: calls to one
// BMC go one after the other, calls to different ones don't wait for each other.
type Controller struct {
	opts Options
	log  *slog.Logger

	mu   sync.Mutex
	bmcs map[netip.AddrPort]*known
}

// New makes a Controller. It holds no sockets between operations.
func New(o Options) *Controller {
	fill := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	fill(&o.Timeout, 30*time.Second)
	fill(&o.Settle, time.Minute)
	fill(&o.Poll, 500*time.Millisecond)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return &Controller{opts: o, log: o.Log, bmcs: map[netip.AddrPort]*known{}}
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
