package converge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"rackhand/provision/catalog"
)

// The time that work on a resource may take when it doesn't say.
const (
	defaultDeadline = 300 * time.Second
	packageDeadline = 900 * time.Second
)

// PackageManager is what the engine needs of one. See [Apt].
type PackageManager interface {
	Query(ctx context.Context, names []string) (installed map[string]string, err error)
	Apply(ctx context.Context, packages []catalog.Package) (refused map[string]error, err error)
}

// FileManager is what the engine needs to manage files. See [Files].
type FileManager interface {
	Check(ctx context.Context, file *catalog.File) (differs []string, err error)
	Apply(ctx context.Context, file *catalog.File) error
}

// ServiceManager is what the engine needs of one. See [Systemd].
type ServiceManager interface {
	State(ctx context.Context, name string) (ServiceState, error)
	Do(ctx context.Context, action, name string) error
}

// An Engine brings catalogs about, one at a time.
type Engine struct {
	Packages PackageManager
	Files    FileManager
	Services ServiceManager
	Log      *slog.Logger
	Clock    func() time.Time
	// Grace is how much longer than its deadline work is waited for, to let a
	// program end: 15 s when 0. After that it is left behind (a hung network
	// file system can't be interrupted) and the run goes on.
	Grace time.Duration

	mu    sync.Mutex
	stuck map[string]bool // work that was left behind and hasn't ended
}

// run is one run over a catalog.
type run struct {
	*Engine
	state     *State
	noop      bool
	installed map[string]string
	queryErr  error
	results   map[string]catalog.Result
	changed   bool // something was changed, or would be
	// notifiers lists, for a service, what notifies it.
	notifiers map[string][]string
}

// Converge brings about a catalog that [catalog.Catalog.Validate] accepts, in its
// order, and returns a result for each resource. With noop it only tells what it
// would change. When ctx ends, what is left is failed.
func (e *Engine) Converge(ctx context.Context, c *catalog.Catalog, state *State, noop bool) []catalog.Result {
	r := &run{Engine: e, state: state, noop: noop, results: map[string]catalog.Result{}, notifiers: map[string][]string{}}
	r.forgetForeign(c)
	var names []string
	for _, res := range c.Resources {
		if res.Package != nil {
			names = append(names, res.Package.Name)
		}
		for _, id := range res.Notify {
			r.notifiers[id] = append(r.notifiers[id], res.ID)
		}
	}
	if len(names) > 0 {
		r.installed, r.queryErr = r.query(ctx, names)
	}
	for i := 0; i < len(c.Resources); {
		res := &c.Resources[i]
		if res.Package != nil {
			i += r.packages(ctx, c.Resources[i:])
			continue
		}
		start := e.Clock()
		r.one(ctx, res, start)
		i++
	}
	out := make([]catalog.Result, 0, len(c.Resources))
	for _, res := range c.Resources {
		out = append(out, r.results[res.ID])
	}
	return out
}

// one converges a file or a service.
func (r *run) one(ctx context.Context, res *catalog.Resource, start time.Time) {
	if why := r.blocked(res); why != "" {
		r.done(res, start, catalog.Skipped, why)
		return
	}
	deadline := defaultDeadline
	if res.Deadline > 0 {
		deadline = time.Duration(res.Deadline) * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("the deadline of %s has passed", deadline))
	defer cancel()
	var did []string
	var err error
	if res.File != nil {
		did, err = r.file(ctx, res, deadline)
	} else {
		did, err = r.service(ctx, res, deadline)
	}
	switch {
	case err != nil && r.noop && r.changed && ctx.Err() == nil:
		// What it needs may be made by what would be changed before it.
		r.done(res, start, catalog.Changed, "can't be told before the changes above are made: "+short(err.Error()))
	case err != nil:
		r.done(res, start, catalog.Failed, short(err.Error()))
	case len(did) == 0:
		r.done(res, start, catalog.OK, "")
	default:
		r.done(res, start, catalog.Changed, short(strings.Join(did, "; ")))
	}
}

// blocked says why a resource can't be tried: something that it requires, or
// that notifies it, isn't in order.
func (r *run) blocked(res *catalog.Resource) string {
	for _, id := range res.Require {
		if s := r.results[id].Status; s == catalog.Failed || s == catalog.Skipped {
			return fmt.Sprintf("requires %s, which is %s", id, s)
		}
	}
	// Starting or restarting a service on half of its configuration is worse
	// than leaving it as it is.
	for _, id := range r.notifiers[res.ID] {
		if s := r.results[id].Status; s == catalog.Failed || s == catalog.Skipped {
			return fmt.Sprintf("%s, which notifies it, is %s", id, s)
		}
	}
	return ""
}

// done notes and logs a result.
func (r *run) done(res *catalog.Resource, start time.Time, status, message string) {
	r.results[res.ID] = catalog.Result{
		ID: res.ID, Status: status, Message: message,
		Seconds: max(0, r.Clock().Sub(start).Seconds()),
	}
	r.changed = r.changed || status == catalog.Changed
	level := slog.LevelInfo
	switch status {
	case catalog.OK:
		level = slog.LevelDebug
	case catalog.Failed:
		level = slog.LevelError
	case catalog.Skipped:
		level = slog.LevelWarn
	}
	verb := status
	if r.noop && status == catalog.Changed {
		verb = "would change"
	}
	words := []any{"resource", res.ID}
	if message != "" {
		words = append(words, "what", message, "source", short(res.Source))
	}
	r.Log.Log(context.Background(), level, verb, words...)
}

// bounded runs work that may hang where nothing can interrupt it. Work that
// outlives its time is left behind, once: as long as it hangs, it isn't begun
// again.
func (e *Engine) bounded(ctx context.Context, id string, deadline time.Duration, work func(context.Context) error) error {
	e.mu.Lock()
	stuck := e.stuck[id]
	e.mu.Unlock()
	if stuck {
		return errors.New("the work of an earlier run hangs still: is a network file system gone?")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("the deadline of %s has passed", deadline))
	defer cancel()
	result := make(chan error, 1)
	go func() {
		result <- work(ctx)
		e.mu.Lock()
		delete(e.stuck, id)
		e.mu.Unlock()
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	grace := e.Grace
	if grace == 0 {
		grace = 15 * time.Second
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-result:
		return err
	case <-timer.C:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case err := <-result:
		return err
	default:
	}
	if e.stuck == nil {
		e.stuck = map[string]bool{}
	}
	e.stuck[id] = true
	return fmt.Errorf("%w, and the work hangs: it was left behind", context.Cause(ctx))
}

// forgetForeign drops pending refreshes of services that are no longer declared.
func (r *run) forgetForeign(c *catalog.Catalog) {
	if r.noop || len(r.state.Pending) == 0 {
		return
	}
	declared := map[string]bool{}
	for _, res := range c.Resources {
		declared[res.ID] = true
	}
	for id := range r.state.Pending {
		if !declared[id] {
			r.Log.Warn("a pending refresh is dropped: the service is no longer in the catalog", "resource", id)
			delete(r.state.Pending, id)
		}
	}
	if err := r.state.Save(); err != nil {
		r.Log.Error("state", "error", err)
	}
}

// Worst is the status of a run: failed, changed or ok.
func Worst(results []catalog.Result) string {
	worst := catalog.OK
	for _, r := range results {
		switch r.Status {
		case catalog.Failed, catalog.Skipped:
			return catalog.Failed
		case catalog.Changed:
			worst = catalog.Changed
		}
	}
	return worst
}
