package converge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
)

// The time that work on a resource may take if the resource sets no deadline.
const (
	defaultDeadline = 300 * time.Second
	packageDeadline = 900 * time.Second
)

// PackageManager carries out package resources. See [packages.Apt] and [packages.Dnf].
type PackageManager interface {
	// Query returns the states of packages, by their names as asked for.
	Query(ctx context.Context, packages []catalog.Package) (map[string]packages.State, error)
	// Update fetches the index of what can be installed, if it is too old for packages.
	Update(ctx context.Context, packages []catalog.Package) error
	// Apply brings packages about. declared is what the whole catalog says of packages.
	Apply(ctx context.Context, wanted []catalog.Package, declared map[string]string) (packages.Outcome, error)
	// Plan returns the outcome that Apply would have, and changes nothing.
	Plan(ctx context.Context, wanted []catalog.Package, declared map[string]string) (packages.Outcome, error)
}

// Indexed is a package manager that knows how old its index is.
type Indexed interface {
	Index() packages.Index
	SetIndex(i packages.Index)
}

// FileManager carries out file resources. See [files.Files].
type FileManager interface {
	Check(ctx context.Context, file *catalog.File) (differs []string, err error)
	// Fresh is the result of Check for an empty folder.
	Fresh(file *catalog.File) (differs []string, err error)
	// Has reports whether anything lies where the file belongs.
	Has(file *catalog.File) bool
	// Diff is a bounded unified diff of a file's content; "" for a file that has no diff.
	Diff(ctx context.Context, file *catalog.File) string
	Apply(ctx context.Context, file *catalog.File) error
	// Restore puts a copy back that was kept of a file.
	Restore(ctx context.Context, e backup.Entry) (changed bool, err error)
	// Begin prepares a run over a catalog.
	Begin(c *catalog.Catalog) error
}

// ServiceManager carries out service resources. See [Systemd].
type ServiceManager interface {
	// Units are the states of units, by their names.
	Units(ctx context.Context, names []string) (map[string]UnitState, error)
	Do(ctx context.Context, action, name string) error
}

// An Engine brings catalogs about, one at a time.
type Engine struct {
	Packages PackageManager
	Files    FileManager
	Services ServiceManager
	// Providers bring the other kinds about, by their names.
	Providers map[string]provider.Provider
	// Contents are where secrets come from, in this run.
	Contents *Contents
	// Version is that of this program, for messages.
	Version string
	Log     *slog.Logger
	Clock   func() time.Time
	// Sleep waits between two looks at a service that was started; [Sleep] when nil.
	Sleep func(context.Context, time.Duration) error
	// Boot identifies the current boot of the machine; "" when nil.
	Boot func() string
	// Diffs takes the diffs of a dry run; nowhere when nil.
	Diffs io.Writer
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
	Mode
	state     *State
	noop      bool
	installed map[string]packages.State
	declared  map[string]string // what the catalog says of packages: present, latest, absent, purged, a version
	queryErr  error
	results   map[string]catalog.Result
	catalog   *catalog.Catalog
	diffs     map[string]string   // in a dry run, by resource
	changes   map[string][]string // what was begun to change of a resource
	// onlyRefreshed are the resources that held, and had a refresh due.
	onlyRefreshed map[string]bool
	waits         map[string]string // refreshes that wait for the maintenance window, by resource
	drafts        *provider.Drafts  // of files, in a dry run
	// notifiers lists, for a resource, what notifies it.
	notifiers map[string][]string

	services []string             // the names of all services of the catalog
	units    map[string]UnitState // what systemd said of them before anything was changed
	touched  bool                 // something was changed, so units says nothing any more
	watching []*watched
}

// A Mode says how a run is made.
type Mode struct {
	// Noop changes nothing and only reports what a run would change.
	Noop bool
	// Hold returns, as text, until when restarts and reloads wait for a maintenance window;
	// "" if they don't have to wait. They never wait when Hold is nil.
	Hold func() string
	// Tags limit the run to resources that have one of them, and to those that they require;
	// none: no limit.
	Tags []string
}

// Converge is ConvergeAs without maintenance windows.
func (e *Engine) Converge(ctx context.Context, c *catalog.Catalog, state *State, noop bool) []catalog.Result {
	return e.ConvergeAs(ctx, c, state, Mode{Noop: noop})
}

// ConvergeAs brings about a catalog that [catalog.Catalog.Validate] accepts, in its
// order, and returns a result for each resource of the run. When ctx ends, the remaining ones
// fail.
func (e *Engine) ConvergeAs(ctx context.Context, c *catalog.Catalog, state *State, mode Mode) []catalog.Result {
	r := &run{
		Engine: e, Mode: mode, state: state, noop: mode.Noop, catalog: c, results: map[string]catalog.Result{},
		diffs: map[string]string{}, changes: map[string][]string{}, drafts: &provider.Drafts{}, waits: map[string]string{}, onlyRefreshed: map[string]bool{}, declared: map[string]string{}, notifiers: map[string][]string{},
	}
	resources := c.Resources
	if len(mode.Tags) > 0 {
		resources = c.Tagged(mode.Tags)
	}
	r.forgetForeign(c)
	if !mode.Noop && e.Files != nil {
		if err := e.bounded(ctx, "preparing", defaultDeadline, func(context.Context) error { return e.Files.Begin(c) }); err != nil {
			e.Log.Warn("preparing for files", "error", err)
		}
	}
	for _, res := range c.Resources {
		if res.Package != nil {
			r.declared[res.Package.Name] = res.Package.Ensure
		}
	}
	var asked []catalog.Package
	for _, res := range resources {
		switch {
		case res.Package != nil:
			asked = append(asked, *res.Package)
		case res.Service != nil, res.Timer != nil:
			r.services = append(r.services, unitOf(&res).Name)
		}
		for _, id := range res.Notify {
			r.notifiers[id] = append(r.notifiers[id], res.ID)
		}
	}
	if len(asked) > 0 {
		r.installed, r.queryErr = r.query(ctx, asked)
	}
	for i := 0; i < len(resources); {
		res := &resources[i]
		if res.Package != nil {
			i += r.packages(ctx, resources[i:])
			continue
		}
		start := e.Clock()
		if res.Problem != "" {
			r.done(res, start, catalog.Failed, short(e.unknown(res.Problem)))
		} else {
			r.one(ctx, res, start)
		}
		i++
	}
	r.settle(ctx)
	out := make([]catalog.Result, 0, len(resources))
	for _, res := range resources {
		out = append(out, r.results[res.ID])
	}
	return out
}

// unknown is the result of a resource that this program doesn't know.
func (e *Engine) unknown(problem string) string {
	version := ""
	if e.Version != "" {
		version = " (version " + e.Version + ")"
	}
	return fmt.Sprintf("this agent%s can't bring it about: %s; it upgrades itself when the appliance offers a newer one", version, problem)
}

// deadlineOf is the time for a file or a service. A large content may take a second longer for
// each MiB: 8 Mbit/s.
func deadlineOf(res *catalog.Resource) time.Duration {
	switch {
	case res.Deadline > 0:
		return time.Duration(res.Deadline) * time.Second
	case res.File != nil:
		return defaultDeadline + time.Duration(res.File.Size>>20)*time.Second
	}
	return defaultDeadline
}

// one converges a resource that is no package.
func (r *run) one(ctx context.Context, res *catalog.Resource, start time.Time) {
	if why := r.notNow(res); why != "" {
		r.leave(res, start, why)
		return
	}
	if why := r.blocked(ctx, res); why != "" {
		r.done(res, start, catalog.Skipped, why)
		return
	}
	deadline := deadlineOf(res)
	within, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("the deadline of %s has passed", deadline))
	defer cancel()
	if r.noop {
		within = provider.WithDrafts(within, r.drafts)
	}
	if did, err, done := r.tries(within, res, start, deadline); done {
		r.outcome(res, start, did, err)
	}
}

// outcome notes the result of work on a resource.
func (r *run) outcome(res *catalog.Resource, start time.Time, did []string, err error) {
	wait := r.waits[res.ID]
	if err != nil {
		if why := r.cannotTell(res, err); why != "" {
			r.done(res, start, catalog.Unknown, short(why))
			return
		}
		r.done(res, start, catalog.Failed, short(err.Error()))
		return
	}
	status := catalog.Changed
	switch {
	case wait != "" && len(did) == 0:
		status = catalog.Pending
	case len(did) == 0:
		status = catalog.OK
	}
	if wait != "" {
		did = append(slices.Clone(did), fmt.Sprintf("%s, since %s changed", wait, strings.Join(r.dueBy(res.ID), ", ")))
	}
	r.done(res, start, status, short(strings.Join(did, "; ")))
}

// blocked says why a resource can't be tried: something that it requires, or
// that notifies it, isn't in order.
func (r *run) blocked(ctx context.Context, res *catalog.Resource) string {
	for _, w := range r.watching {
		if slices.Contains(res.Require, w.res.ID) || slices.Contains(r.notifiers[res.ID], w.res.ID) {
			r.settle(ctx) // first it has to be clear whether that one runs
			break
		}
	}
	for _, id := range res.Require {
		if s := r.results[id].Status; s == catalog.Failed || s == catalog.Skipped {
			return fmt.Sprintf("requires %s, which is %s", id, s)
		}
	}
	// To start or restart a service on half of its configuration is worse
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
		ID: res.ID, Status: status, Message: message, Diff: r.diffs[res.ID], Pending: r.waits[res.ID],
		OnlyRefreshed: r.onlyRefreshed[res.ID], Seconds: max(0, r.Clock().Sub(start).Seconds()),
	}
	level := slog.LevelInfo
	switch status {
	case catalog.OK:
		level = slog.LevelDebug
	case catalog.Failed:
		level = slog.LevelError
	case catalog.Skipped, catalog.Unknown, catalog.Pending:
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
	if diff := r.diffs[res.ID]; diff != "" && r.Diffs != nil {
		io.WriteString(r.Diffs, diff)
	}
}

// bounded runs work that may hang where nothing can interrupt it. Work that
// outlives its time is left behind, once: as long as it hangs, it isn't begun
// again.
func (e *Engine) bounded(ctx context.Context, id string, deadline time.Duration, work func(context.Context) error) error {
	e.mu.Lock()
	stuck := e.stuck[id]
	e.mu.Unlock()
	if stuck {
		return errors.New("the work of an earlier run still hangs: is a network file system gone?")
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

// forgetForeign drops pending refreshes of resources that are no longer declared.
func (r *run) forgetForeign(c *catalog.Catalog) {
	if r.noop {
		return
	}
	declared := map[string]bool{}
	for _, res := range c.Resources {
		declared[res.ID] = true
	}
	maps.DeleteFunc(r.state.Services, func(id string, _ Seen) bool { return !declared[id] })
	if len(r.state.Pending) == 0 {
		return
	}
	dropped := false
	for id := range r.state.Pending {
		if !declared[id] {
			r.Log.Warn("a pending refresh is dropped: it is no longer in the catalog", "resource", id)
			delete(r.state.Pending, id)
			dropped = true
		}
	}
	if !dropped {
		return
	}
	if err := r.state.Save(); err != nil {
		r.Log.Error("state", "error", err)
	}
}
