// Package checks runs the checks of a catalog on the host: programs, systemd and, by
// [probe.Network], requests.
package checks

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/catalog/probe"
	"rackhand/provision/converge/command"
)

const (
	every      = time.Second // between two tries
	sideBySide = 4
	maxOutput  = 1 << 20 // of an output that is searched, in bytes
)

// A Checker runs checks.
type Checker struct {
	Runner command.Runner
	// Clock judges certificates and measures time.
	Clock func() time.Time
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
	// Bound runs work that may hang where nothing can interrupt it, and leaves it behind then.
	Bound func(ctx context.Context, id string, deadline time.Duration, work func(context.Context) error) error
}

// All runs checks side by side, each once at least. One that fails is repeated for its
// Within, as long as all of them together take no longer than patience. When ctx ends, those
// that haven't passed fail.
func (k Checker) All(ctx context.Context, checks []catalog.Check, patience time.Duration) []catalog.CheckResult {
	if len(checks) == 0 {
		return nil
	}
	end := k.Clock().Add(patience)
	results := make([]catalog.CheckResult, len(checks))
	free := make(chan struct{}, sideBySide)
	var all sync.WaitGroup
	for i := range checks {
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			results[i] = k.until(ctx, &checks[i], end)
		})
	}
	all.Wait()
	return results
}

// until repeats a check until it passes or its time is up.
func (k Checker) until(ctx context.Context, c *catalog.Check, end time.Time) catalog.CheckResult {
	r := catalog.CheckResult{Check: c.Words(), Source: c.Source, Status: catalog.Failed}
	began := k.Clock()
	if own := began.Add(time.Duration(c.Within) * time.Second); own.Before(end) {
		end = own
	}
	for {
		seen, err := k.once(ctx, c)
		now := k.Clock()
		r.Seconds = max(0, now.Sub(began).Seconds())
		if err == nil {
			r.Status, r.Message = catalog.OK, command.Short(seen)
			k.Log.Debug(catalog.OK, "check", r.Check, "what", r.Message, "source", command.Short(c.Source))
			return r
		}
		r.Message = command.Short(err.Error())
		if ctx.Err() != nil || c.Problem != "" || now.Add(every).After(end) || k.Sleep(ctx, every) != nil {
			k.Log.Error(catalog.Failed, "check", r.Check, "what", r.Message, "source", command.Short(c.Source))
			return r
		}
	}
}

// once tries a check, which is left behind if it hangs.
func (k Checker) once(ctx context.Context, c *catalog.Check) (string, error) {
	found := make(chan string, 1) // work that is left behind must not write to a variable here
	err := k.Bound(ctx, "check "+c.Source+" "+c.Words(), time.Duration(c.Deadline)*time.Second, func(ctx context.Context) error {
		seen, err := probe.Once(ctx, c, func(ctx context.Context) (string, error) { return k.look(ctx, c) })
		found <- seen
		return err
	})
	if err != nil {
		return "", err
	}
	return <-found, nil
}

func (k Checker) look(ctx context.Context, c *catalog.Check) (string, error) {
	switch {
	case c.Exec != nil:
		return k.exec(ctx, c.Exec)
	case c.Systemd != nil:
		return k.systemd(ctx, c.Systemd)
	}
	return probe.Network{Clock: k.Clock}.Look(ctx, c)
}
