// Package eventlog sends the journal's events to those who collect logs: to a syslog server,
// and to a file of JSON lines. It goes on where it left off, so a restart loses none.
package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rackhand/provision"
	"rackhand/provision/store"
)

const (
	// positionPrefix is where the store has the number of the last event of each sink.
	positionPrefix = "eventlog/"
	// Pauses after a sink has failed: they double.
	firstPause, longestPause = time.Second, time.Minute
	quietFor                 = time.Second
	// keepEvery bounds the events that come twice after a crash.
	keepEvery = 100
)

// A Sink takes events.
type Sink interface {
	// Name tells sinks apart: "file", "syslog".
	Name() string
	// Write sends one event. After an error the same event comes again.
	Write(ctx context.Context, e provision.Event) error
	Close() error
}

// A Journal has events.
type Journal interface {
	Seq() uint64
	Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error)
}

// A Follower sends a journal's events to one sink.
type Follower struct {
	Journal Journal
	Store   store.Store // keeps the position
	Sink    Sink
	Log     *slog.Logger
	// Wait waits for a pause or for the end of ctx; nil: by the machine's clock.
	Wait func(ctx context.Context, pause time.Duration)
}

// Run sends events until ctx ends. A sink that fails is tried again, and delays nothing else.
// An event can come twice after a crash, and none is left out.
func (f *Follower) Run(ctx context.Context) error {
	defer f.Sink.Close()
	wait := f.Wait
	if wait == nil {
		wait = pause
	}
	after, err := f.position(ctx)
	if err != nil {
		return err
	}
	kept := after
	defer func() {
		if after != kept {
			_ = f.keep(context.WithoutCancel(ctx), after)
		}
	}()
	for failing, delay := false, firstPause; ctx.Err() == nil; {
		sent, err := f.send(ctx, &after, &kept)
		if sent && failing {
			f.Log.Info("events are written again", "to", f.Sink.Name())
			failing, delay = false, firstPause
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			f.Log.Warn("events can't be written, and wait", "to", f.Sink.Name(), "error", err)
			failing = true
		}
		wait(ctx, delay)
		delay = min(2*delay, longestPause)
	}
	return nil
}

// send sends what comes after a number, until the sink or the journal fails.
func (f *Follower) send(ctx context.Context, after, kept *uint64) (sent bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	events, err := f.Journal.Subscribe(ctx, *after)
	if err != nil {
		return false, err
	}
	for {
		// With nothing to send for a while, the position is kept, so that little comes twice.
		var e provision.Event
		var open bool
		var quiet <-chan time.Time
		if *after != *kept {
			quiet = time.After(quietFor)
		}
		select {
		case e, open = <-events:
		case <-quiet:
			if err := f.keep(ctx, *after); err != nil {
				return sent, err
			}
			*kept = *after
			continue
		}
		if !open {
			return sent, errors.New("the journal can't be read")
		}
		if err := f.Sink.Write(ctx, e); err != nil {
			return sent, err
		}
		*after, sent = e.Seq, true
		if *after-*kept >= keepEvery {
			if err := f.keep(ctx, *after); err != nil {
				return sent, err
			}
			*kept = *after
		}
	}
}

// position is the number of the last event that was sent. A sink that is new begins with the
// next event; so does one whose number is ahead of the journal, which was restored.
func (f *Follower) position(ctx context.Context) (uint64, error) {
	now := f.Journal.Seq()
	r, err := f.Store.Get(ctx, positionPrefix+f.Sink.Name())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return now, f.keep(ctx, now)
	case err != nil:
		return 0, fmt.Errorf("where the events for %s go on: %w", f.Sink.Name(), err)
	}
	var at uint64
	if json.Unmarshal(r.Value, &at) != nil || at > now {
		return now, nil
	}
	return at, nil
}

func (f *Follower) keep(ctx context.Context, at uint64) error {
	value, err := json.Marshal(at)
	if err == nil {
		_, err = f.Store.Txn(ctx, nil, store.Op{Key: positionPrefix + f.Sink.Name(), Value: value})
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
