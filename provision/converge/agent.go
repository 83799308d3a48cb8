package converge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"rackhand/provision/catalog"
)

// An Agent keeps one host as its catalog says.
type Agent struct {
	Paths  Paths
	Engine *Engine
	Log    *slog.Logger
	Clock  Clock
	Sleep  func(context.Context, time.Duration) error
	Random *rand.Rand // for pauses
	Keys   io.Reader  // for the host's key: crypto/rand.Reader
	// Interval is the time between two runs of Run; 30 min when 0.
	Interval time.Duration
	// LockWait is how long another run is waited for; 5 min when 0.
	LockWait time.Duration
	// Apt, if set, is told what the state knows of the package index, and asked.
	Apt *Apt

	clock    *adjusted
	clockSet bool
}

// pauseAfterFailure is how soon Run tries again after the first failed run; it
// doubles up to the interval.
const pauseAfterFailure = 15 * time.Second

// Run converges at once and then at every interval, until ctx ends. A run that
// failed is repeated sooner.
func (a *Agent) Run(ctx context.Context) error {
	interval := a.Interval
	if interval == 0 {
		interval = 30 * time.Minute
	}
	failures := 0
	for {
		status, err := a.Once(ctx, false)
		if ctx.Err() != nil {
			return nil
		}
		// A tenth either way, lest all hosts come at the same time.
		pause := interval - interval/10 + time.Duration(a.Random.Int64N(int64(interval/5)+1))
		if err != nil || status == catalog.Failed {
			pause = min(pause, pauseAfterFailure<<min(failures, 10))
			failures++
		} else {
			failures = 0
		}
		if err != nil {
			a.Log.Error("run", "error", err, "next", pause.Round(time.Second).String())
		}
		if a.Sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// Once makes one run and returns its status: OK, Changed or Failed. With noop it
// changes nothing on the host and reports nothing; Changed then means drift. An
// error says why there was no run at all.
func (a *Agent) Once(ctx context.Context, noop bool) (status string, err error) {
	if a.clock == nil {
		a.clock = &adjusted{Clock: a.Clock}
	}
	settings, base, ca, err := readSettings(a.Paths)
	if err != nil {
		return catalog.Failed, err
	}
	if err := os.MkdirAll(a.Paths.folder(), 0o700); err != nil {
		return catalog.Failed, fmt.Errorf("the agent's folder: %w", err)
	}
	unlock, err := a.lock(ctx)
	if err != nil {
		return catalog.Failed, err
	}
	defer unlock()
	state, damaged, err := OpenState(a.Paths.state())
	if err != nil {
		return catalog.Failed, err
	}
	if damaged != nil {
		a.Log.Error("state", "error", damaged)
	}
	if a.Apt != nil {
		a.Apt.SetSources(state.Sources)
	}
	c := &client{base: base, ca: ca, clock: a.clock, log: a.Log, random: a.Random, sleep: a.Sleep}
	defer func() {
		if c.mutual != nil {
			c.mutual.CloseIdleConnections()
		}
	}()
	report := catalog.Report{Host: settings.Host, Status: catalog.Failed}
	cat, err := a.catalog(ctx, c, settings, state, noop, &report)
	report.Started = a.clock.now().UTC()
	if err != nil {
		report.Error = short(err.Error())
	} else {
		report.Version = cat.Version
		if c.mutual != nil && !noop && report.CatalogFetched.IsZero() {
			if err := c.post(ctx, "/v1/progress", catalog.Progress{Version: cat.Version, Resources: len(cat.Resources)}); err != nil {
				a.Log.Warn("the appliance doesn't take the progress", "error", short(err.Error()))
			}
		}
		report.Results = a.Engine.Converge(ctx, cat, state, noop)
		report.Status = Worst(report.Results)
	}
	report.Finished = a.clock.now().UTC()
	a.summary(&report, noop)
	if noop {
		return report.Status, err
	}
	if a.Apt != nil {
		state.Sources = a.Apt.Sources() // saved with the report
	}
	if ctx.Err() != nil {
		// Half a run says nothing about the host; what is pending is on disk.
		return catalog.Failed, errors.Join(fmt.Errorf("the run was ended: %w", context.Cause(ctx)), state.Save())
	}
	return report.Status, errors.Join(err, a.report(ctx, c, state, report))
}

func (a *Agent) lock(ctx context.Context) (func(), error) {
	wait := a.LockWait
	if wait == 0 {
		wait = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("waited for %s", wait))
	defer cancel()
	return lockRun(ctx, a.Paths.lock(), a.Sleep)
}

// connect sets the clock and gets the host its certificate. A dry run does
// neither; it uses the certificate that is there.
func (a *Agent) connect(ctx context.Context, c *client, host string, noop bool) error {
	if !a.clockSet && !noop {
		if err := c.retry(ctx, func() error { return c.syncClock(ctx) }); err != nil {
			return err
		}
		a.clockSet = true
	}
	cert, err := c.identity(a.Paths, host)
	switch {
	case err == nil:
		if !noop {
			// A run that died between keeping the certificate and this.
			if err := removeFile(a.Paths.token()); err != nil {
				return fmt.Errorf("removing the spent enrolment token: %w", err)
			}
		}
	case noop:
		return fmt.Errorf("a dry run doesn't enrol: %w", err)
	default:
		if cert, err = c.enrol(ctx, a.Paths, host, a.Keys, err); err != nil {
			return err
		}
	}
	c.mutual = c.secure(cert)
	return nil
}

// catalog gets the catalog from the appliance, or if that can't be asked the one
// kept on the host, whose age goes into the report.
func (a *Agent) catalog(ctx context.Context, c *client, s Settings, state *State, noop bool, report *catalog.Report) (*catalog.Catalog, error) {
	kept, keptErr := a.keptCatalog(s.Host)
	err := a.connect(ctx, c, s.Host, noop)
	if err == nil {
		have := ""
		if kept != nil {
			have = kept.Version
		}
		var fresh *catalog.Catalog
		if fresh, err = c.catalog(ctx, have); err == nil {
			if fresh == nil {
				fresh = kept
			} else if err := usable(fresh, s.Host); err != nil {
				return nil, fmt.Errorf("the appliance's catalog is refused: %w", err)
			}
			if noop {
				return fresh, nil
			}
			return fresh, a.keep(fresh, fresh != kept, state)
		}
	}
	if away(err) && kept != nil {
		report.CatalogFetched = state.Fetched
		if fi, err := os.Stat(a.Paths.catalog()); err == nil && state.Fetched.IsZero() {
			report.CatalogFetched = fi.ModTime().UTC() // the state was lost; never pass it off as fresh
		}
		a.Log.Warn("the appliance can't be asked; converging the catalog kept here",
			"age", a.clock.now().Sub(report.CatalogFetched).Round(time.Second).String(), "version", kept.Version, "error", short(err.Error()))
		return kept, nil
	}
	return nil, errors.Join(err, keptErr)
}

// usable checks a catalog before anything of it is carried out.
func usable(c *catalog.Catalog, host string) error {
	if c.Host != host {
		return fmt.Errorf("it is for host %.80q, this is %s", c.Host, host)
	}
	return c.Validate()
}

// keptCatalog is the catalog on the disk, nil when there is none. It was
// validated before it was kept, and is again: a disk forgets too.
func (a *Agent) keptCatalog(host string) (*catalog.Catalog, error) {
	b, err := readFile(a.Paths.catalog(), catalog.MaxSize)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var c catalog.Catalog
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil {
		err = usable(&c, host)
	}
	if err != nil {
		return nil, fmt.Errorf("the catalog kept at %s is of no use: %w", a.Paths.catalog(), err)
	}
	return &c, nil
}

func (a *Agent) keep(c *catalog.Catalog, changed bool, state *State) error {
	if changed {
		b, err := json.Marshal(c)
		if err == nil {
			err = writeFile(a.Paths.catalog(), b)
		}
		if err != nil {
			return fmt.Errorf("keeping the catalog: %w", err)
		}
	}
	state.Fetched = a.clock.now().UTC()
	return state.Save()
}

// report keeps the report on disk and sends all that are there, oldest first.
func (a *Agent) report(ctx context.Context, c *client, state *State, r catalog.Report) error {
	if err := state.queue(r); err != nil {
		return err
	}
	if c.mutual == nil {
		// The appliance was away when the run began; it may be back.
		cert, err := c.identity(a.Paths, r.Host)
		if err != nil {
			return nil // without a certificate the reports wait
		}
		c.mutual = c.secure(cert)
	}
	for len(state.Unsent) > 0 {
		err := c.post(ctx, "/v1/report", state.Unsent[0])
		var refused *refusal
		switch {
		case errors.As(err, &refused) && !away(err) && refused.status != 401 && refused.status != 403:
			// It will be refused tomorrow too, and must not hold up the others.
			a.Log.Error("a report is dropped: the appliance refuses it", "error", err)
		case err != nil:
			a.Log.Warn("the report is kept and sent at the next run", "reports", len(state.Unsent), "error", short(err.Error()))
			return nil
		}
		state.Unsent = state.Unsent[1:]
		if err := state.Save(); err != nil {
			return err
		}
	}
	return nil
}

// summary is the line that people look for in the journal.
func (a *Agent) summary(r *catalog.Report, noop bool) {
	count := map[string]int{}
	for _, x := range r.Results {
		count[x.Status]++
	}
	message := "run"
	if noop {
		message = "dry run"
	}
	a.Log.Info(message, "status", r.Status, "catalog", r.Version,
		"ok", count[catalog.OK], "changed", count[catalog.Changed], "failed", count[catalog.Failed], "skipped", count[catalog.Skipped], "unknown", count[catalog.Unknown],
		"took", r.Finished.Sub(r.Started).Round(time.Millisecond).String())
}
