// Package await waits until hosts have reached a stage of their installs. It follows the
// appliance's events, and goes on when the appliance was restarted meanwhile.
package await

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rackhand/provision"
)

// The outcomes of a host.
const (
	Reached = "reached"
	Failed  = "failed" // or cancelled
	Timeout = "timeout"
)

// A Host is where a host is at the end of the wait.
type Host struct {
	Host    string          `json:"host"`
	Outcome string          `json:"outcome"` // reached, failed, timeout
	Stage   provision.Stage `json:"stage,omitempty"`
	Install string          `json:"install,omitempty"`
	Reason  string          `json:"reason,omitempty"` // of a failure
	// Seconds from power-on until the stage was reached, 0: unknown.
	Seconds float64 `json:"seconds,omitempty"`
}

// A Result is what came of a wait.
type Result struct {
	For   provision.Stage `json:"for"`
	Hosts []Host          `json:"hosts"`
}

// Has reports whether a host has an outcome.
func (r Result) Has(outcome string) bool {
	return slices.ContainsFunc(r.Hosts, func(h Host) bool { return h.Outcome == outcome })
}

// Options of a wait.
type Options struct {
	Hosts []string
	For   provision.Stage
	// Status returns the state of all hosts.
	Status func(context.Context) (provision.Status, error)
	// Watch calls each for every event after a number, until it returns false or the
	// appliance goes away. It returns the number of the last event.
	Watch func(ctx context.Context, after uint64, each func(provision.Event) bool) (uint64, error)
	// Pause waits before the appliance is asked again.
	Pause func(context.Context) error
	// Note is called when a host has an outcome, Lost when the appliance doesn't answer.
	Note func(Host)
	Lost func(error)
}

// ErrUnknown is wrapped by an error about a host that isn't in the inventory.
var ErrUnknown = errors.New("it is not in the inventory")

// Run waits until every host has an outcome or ctx ends. Hosts without an outcome are at
// their timeout then. The error is about a wait that is not possible.
func Run(ctx context.Context, o Options) (Result, error) {
	w := &wait{Options: o, done: map[string]Host{}, last: map[string]Host{}}
	started := false
	for len(w.done) < len(o.Hosts) {
		seq, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return w.result(), nil
		case errors.Is(err, ErrUnknown) || err != nil && !started:
			return w.result(), err
		case err == nil && len(w.done) == len(o.Hosts):
			continue
		case err == nil:
			started = true
			err = w.follow(ctx, seq)
		}
		if err == nil {
			continue // an event moved a host: look
		}
		if ctx.Err() != nil {
			break
		}
		if o.Lost(err); o.Pause(ctx) != nil {
			break
		}
	}
	return w.result(), nil
}

type wait struct {
	Options
	done map[string]Host
	last map[string]Host // where hosts were that have no outcome
}

// look reads the state of the hosts, and returns the number of the latest event in it.
func (w *wait) look(ctx context.Context) (uint64, error) {
	st, err := w.Status(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range w.Hosts {
		if _, done := w.done[name]; done {
			continue
		}
		i := slices.IndexFunc(st.Hosts, func(h provision.HostStatus) bool { return h.Host == name && !h.Unclaimed })
		if i < 0 {
			return st.Seq, fmt.Errorf("%s: %w", name, ErrUnknown)
		}
		h := Outcome(st.Hosts[i], w.For)
		if w.last[name] = h; h.Outcome != "" {
			w.done[name] = h
			w.Note(h)
		}
	}
	return st.Seq, nil
}

// follow returns nil after an event that may have moved a host of the wait.
func (w *wait) follow(ctx context.Context, after uint64) error {
	moved := false
	_, err := w.Watch(ctx, after, func(e provision.Event) bool {
		_, done := w.done[e.Host]
		mine := slices.Contains(w.Hosts, e.Host) && !done
		moved = mine && e.Stage != "" || e.Source == "inventory"
		return !moved
	})
	if moved {
		return nil
	}
	if err == nil {
		err = errors.New("the events ended")
	}
	return err
}

func (w *wait) result() Result {
	r := Result{For: w.For}
	for _, name := range w.Hosts {
		h, done := w.done[name]
		if !done {
			h = w.last[name]
			h.Host, h.Outcome = name, Timeout
		}
		r.Hosts = append(r.Hosts, h)
	}
	return r
}

// Outcome is where a host is by its latest install, without an outcome while it is under way
// to the stage or has no install yet.
func Outcome(s provision.HostStatus, want provision.Stage) Host {
	h, in := Host{Host: s.Host}, s.Install
	if in == nil {
		return h
	}
	h.Stage, h.Install = in.Stage, in.ID
	reached := in.Stage.Rank() >= want.Rank()
	switch {
	case reached:
		h.Outcome = Reached
		if at, ok := in.Reached[want]; ok && !in.PoweredOn.IsZero() && at.After(in.PoweredOn) {
			h.Seconds = at.Sub(in.PoweredOn).Round(time.Second / 10).Seconds()
		}
	case in.Stage.Ended():
		h.Outcome, h.Reason = Failed, in.Reason
	}
	return h
}
