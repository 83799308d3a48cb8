package converge

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/drift"
	"rackhand/provision/converge/facts"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/upgrade"
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
	// Interval is the time between two runs of Run, 30 min when 0. Reports contain it.
	Interval time.Duration
	// LockWait is how long another run is waited for; 5 min when 0.
	LockWait time.Duration
	// Patience is how long the appliance has to begin with its catalog when one is kept
	// here; 10 s when 0.
	Patience time.Duration
	// Synchronised reports whether something else keeps the clock right. Then the
	// appliance's time is only compared; never when nil.
	Synchronised func() bool
	// Uptime names this boot, and says how long ago it was; unknown when nil.
	Uptime func() (boot string, up time.Duration)
	// Runner runs the programs of checks on the host.
	Runner command.Runner
	// Packages, if set, keeps in the state when and from which sources its index was updated.
	Packages Indexed
	// Facts gathers the facts of the host for the appliance; nil: it gets none.
	Facts func(context.Context) facts.Facts
	// Orders: between two runs, Run waits for the appliance's orders.
	Orders bool
	// Version is that of this program; the appliance hears it with each request.
	Version string
	// Upgrade, if set, replaces this program by what the appliance offers.
	Upgrade *upgrade.Upgrader

	clock *adjusted
	link  *client   // the connection of the latest run, on which orders are waited for
	opens time.Time // when the window opens that a restart waits for; zero when none waits
	// answered is the latest order whose report was sent, or is kept to be sent.
	answered string
	rest     func(context.Context, time.Duration) error // between two questions for orders; Sleep when nil
}

// pauseAfterFailure is how soon Run tries again after the first failed run; it
// doubles up to the interval.
const pauseAfterFailure = 15 * time.Second

// Run converges at once and then at every interval, until ctx ends. A run that
// failed is repeated sooner; one that the appliance orders is made at once. ErrReplaced says
// that a new program took the place of this one.
func (a *Agent) Run(ctx context.Context) error {
	if a.Interval == 0 {
		a.Interval = 30 * time.Minute
	}
	interval := a.Interval
	failures, tries := 0, 0
	demand := Demand{}
	for {
		report, err := a.Make(ctx, demand)
		if err == nil {
			a.completed()
		}
		if report.Disabled == nil && a.tryUpgrade(ctx) {
			return ErrReplaced
		}
		if ctx.Err() != nil {
			return nil
		}
		// A tenth either way, so the hosts don't all ask at the same time.
		pause := interval - interval/10 + time.Duration(a.Random.Int64N(int64(interval/5)+1))
		switch {
		case report.Disabled != nil:
			pause, err = min(pause, seconds(report.Disabled.Left)), nil
			failures = 0
		case err != nil || report.Status == catalog.Failed:
			pause = min(pause, pauseAfterFailure<<min(failures, 10))
			failures++
		default:
			failures = 0
		}
		pause = a.untilOpen(pause)
		if err != nil {
			a.Log.Error("run", "error", err, "next", pause.Round(time.Second).String())
		}
		again := Demand{}
		if tries++; demand.Order != "" && demand.Order != a.answered && tries < orderTries {
			again = demand
		} else {
			tries = 0
		}
		if demand, err = a.await(ctx, pause, cmp.Or(demand.Order, a.answered)); err != nil {
			return nil
		}
		if demand.Order == "" {
			demand = again
		}
	}
}

// Once is Make without an order; status is the report's.
func (a *Agent) Once(ctx context.Context, noop bool) (status string, err error) {
	r, err := a.Make(ctx, Demand{Noop: noop})
	return r.Status, err
}

// Make makes one run and returns its report, whose status is OK, Changed or Failed. With
// Noop it changes nothing on the host; Changed then means drift, and only a run that was
// ordered is reported. An error says why there was no run at all, or that the agent can't
// keep its state.
func (a *Agent) Make(ctx context.Context, demand Demand) (catalog.Report, error) {
	noop := demand.Noop
	report := catalog.Report{Status: catalog.Failed, Order: demand.Order, Noop: noop, Tags: demand.Tags, Interval: a.Interval.Seconds()}
	a.setClock()
	settings, base, ca, err := readSettings(a.Paths)
	if err != nil {
		return report, err
	}
	report.Host = settings.Host
	a.unlink()
	c := a.client(base, ca)
	defer func() { a.linkTo(c) }()
	if d := a.disabled(); d != nil && !noop {
		return a.reportDisabled(ctx, c, report, d)
	}
	// If the agent's own folder can't be written, the run still converges all that needs no
	// state, and the report says so.
	trouble := os.MkdirAll(a.Paths.folder(), 0o700)
	unlock, err := a.lock(ctx)
	if err != nil {
		return report, errors.Join(trouble, err)
	}
	defer unlock()
	state, warnings, stateErr := a.open(noop)
	trouble = errors.Join(trouble, stateErr)
	c.mayset = a.Synchronised == nil || !a.Synchronised()
	if !c.mayset {
		a.clock.off = 0 // what was found wrong may be right by now
	}
	report.Warnings = append(warnings, a.upgradeWarnings()...)
	cat, keepErr, err := a.catalog(ctx, c, settings, state, noop, &report)
	trouble = errors.Join(trouble, keepErr)
	report.Started = a.clock.now().UTC()
	up := a.uptime()
	if err != nil {
		report.Error = short(err.Error())
	} else {
		a.converge(ctx, c, cat, state, demand, &report)
	}
	if !noop {
		report.Warnings = append(report.Warnings, a.trustNew(ctx, c)...)
		report.Warnings = append(report.Warnings, a.renewDue(ctx, c, settings.Host)...)
	}
	report.Finished = report.Started.Add(a.uptime() - up) // whatever the clock did meanwhile
	if ahead := c.ahead; ahead != 0 {
		report.ClockAhead = ahead.Seconds()
		a.Log.Warn("the host's clock and the appliance's differ", "ahead", ahead.Round(time.Second).String())
	}
	report.SetTotals()
	a.summary(&report, noop)
	if noop {
		if trouble != nil {
			a.Log.Error("state", "error", trouble)
		}
		return report, errors.Join(err, a.reportNoop(ctx, c, report))
	}
	if a.Packages != nil {
		index := a.Packages.Index() // saved with the report
		state.Sources, state.Updated = index.Sources, index.Updated
	}
	if ctx.Err() != nil {
		// Half a run says nothing about the host; what is pending is on disk.
		report.Status = catalog.Failed
		return report, errors.Join(fmt.Errorf("the run was ended: %w", context.Cause(ctx)), state.Save())
	}
	a.ran(state, report)
	if len(demand.Tags) > 0 {
		a.reportTagged(ctx, c, report)
		return report, errors.Join(err, trouble, state.Save())
	}
	if trouble == nil {
		trouble = a.report(ctx, c, state, report)
	}
	if trouble != nil {
		trouble = a.reportUnsaved(ctx, c, state, &report, err, trouble)
	}
	a.fetchUpgrade(ctx, c)
	return report, errors.Join(err, trouble)
}

// reportUnsaved reports a run as failed because the agent can't save its state, and returns
// that error.
func (a *Agent) reportUnsaved(ctx context.Context, c *client, state *State, report *catalog.Report, err, trouble error) error {
	if n := len(state.Unsent); n > 0 && state.Unsent[n-1].Started.Equal(report.Started) {
		state.Unsent = state.Unsent[:n-1]
	}
	trouble = fmt.Errorf("the agent can't save its state, so it did not change resources that notify a service: %w", trouble)
	report.Status, report.Error = catalog.Failed, short(errors.Join(err, trouble).Error())
	state.broken = trouble
	a.report(ctx, c, state, *report)
	return trouble
}

func (a *Agent) client(base *url.URL, ca *x509.CertPool) *client {
	return &client{base: base, ca: ca, clock: a.clock, log: a.Log, random: a.Random, sleep: a.Sleep, version: a.Version, trusts: sumOf(a.Paths)}
}

// converge brings the catalog about, for the report.
func (a *Agent) converge(ctx context.Context, c *client, cat *catalog.Catalog, state *State, demand Demand, report *catalog.Report) {
	report.Version = cat.Version
	hold, opens, err := a.hold(cat.Maintenance)
	if err != nil {
		report.Warnings = append(report.Warnings, short(err.Error()))
		a.Log.Error("maintenance", "error", err)
	}
	// A host that was never in order serves no traffic yet, so a restart disturbs nothing.
	if demand.IgnoreWindow || !state.Whole {
		hold = nil
	}
	if c.mutual != nil && !demand.Noop && len(demand.Tags) == 0 && report.CatalogFetched.IsZero() {
		if err := c.post(ctx, "/v1/progress", catalog.Progress{Version: cat.Version, Resources: len(cat.Resources)}); err != nil {
			a.Log.Warn("the appliance doesn't accept the progress message", "error", short(err.Error()))
		}
	}
	a.Engine.Contents.use(c)
	report.Results = a.converged(ctx, cat, state, Mode{Noop: demand.Noop, Hold: hold, Tags: demand.Tags})
	report.Status = statusOf(report.Results, demand.Noop)
	if !demand.Noop && len(demand.Tags) == 0 {
		a.check(ctx, cat.Checks, report)
	}
	if left := without(report.Results, demand.Noop); left != "" {
		report.Warnings = append(report.Warnings, left)
	}
	if len(demand.Tags) > 0 {
		report.Warnings = append(report.Warnings, a.beyondTags(demand, state, report.Results)...)
	}
	a.opens = time.Time{}
	if len(state.Pending) > 0 && hold != nil && hold() != "" {
		a.opens = opens()
	}
}

// converged brings the catalog about and gives each change its cause. The state keeps the
// resources that held; it is saved with the report.
func (a *Agent) converged(ctx context.Context, cat *catalog.Catalog, state *State, mode Mode) []catalog.Result {
	judged := *cat
	if len(mode.Tags) > 0 {
		judged.Resources = cat.Tagged(mode.Tags)
	}
	run := drift.Run{Catalog: &judged, Due: map[string]bool{}}
	for id := range state.Pending {
		run.Due[id] = true
	}
	if a.Engine.Boot != nil {
		run.Boot = a.Engine.Boot()
	}
	results := a.Engine.ConvergeAs(ctx, cat, state, mode)
	// A run with tags says nothing of the other resources, so the memory stays.
	if held := state.Held.Judge(run, results); !mode.Noop && len(mode.Tags) == 0 {
		state.Held = held
	}
	return results
}

// open reads the state. If it can't be read, open returns an empty state that can't be
// saved, and the reason.
func (a *Agent) open(noop bool) (state *State, warnings []string, err error) {
	if !noop {
		if err := a.Paths.sweep(); err != nil {
			a.Log.Warn("the files that a killed run left behind can't be removed", "error", err)
		}
	}
	state, damaged, err := OpenState(a.Paths.state())
	if err != nil {
		state = &State{broken: err, Whole: true} // an old one, as far as anybody can tell
	}
	if damaged != nil {
		a.Log.Error("state", "error", damaged)
		warnings = []string{short(damaged.Error())}
		state.Whole = true // never the first boot again
	}
	if a.Packages != nil {
		a.Packages.SetIndex(packages.Index{Sources: state.Sources, Updated: state.Updated})
	}
	a.answered = cmp.Or(a.answered, state.Order)                              // of before a restart
	state.Whole = state.Whole || state.Last == nil && !state.Fetched.IsZero() // of before it was kept
	return state, warnings, err
}

func (a *Agent) uptime() time.Duration {
	if a.Uptime == nil {
		return 0
	}
	_, up := a.Uptime()
	return up
}

func (a *Agent) lock(ctx context.Context) (func(), error) {
	wait := a.LockWait
	if wait == 0 {
		wait = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("waited for %s", wait))
	defer cancel()
	return lockRun(ctx, a.Paths.lock(), a.Paths.config(), a.Sleep)
}

// catalog gets the catalog from the appliance. If the appliance can't be reached, it returns
// the one kept on the host and puts its age into the report. keepErr says why a new catalog
// could not be saved.
func (a *Agent) catalog(ctx context.Context, c *client, s Settings, state *State, noop bool, report *catalog.Report) (cat *catalog.Catalog, keepErr, err error) {
	kept, keptErr := a.keptCatalog(s.Host)
	claims := a.claims(ctx) // before the appliance's time begins
	have := ""
	asking := ctx
	if kept != nil {
		have = kept.Version
		// The kept catalog must not wait for an appliance that doesn't answer.
		patience := a.Patience
		if patience == 0 {
			patience = 10 * time.Second
		}
		within, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(patience, func() { cancel(fmt.Errorf("no answer within %s", patience)) })
		defer timer.Stop()
		asking, c.answered = within, func() { timer.Stop() }
	}
	err = a.connect(asking, c, s.Host, noop)
	if err == nil {
		a.tell(asking, c, claims, state, report)
		var fresh *catalog.Catalog
		if fresh, err = a.catalogFor(asking, c, claims, s.Host, have, state, noop, report); err == nil {
			if fresh == nil {
				fresh = kept
			} else if err := usable(fresh, s.Host); err != nil {
				return nil, nil, fmt.Errorf("the appliance's catalog is refused: %w", err)
			}
			if noop {
				return fresh, nil, nil
			}
			return fresh, a.keep(fresh, fresh != kept, state), nil
		}
	}
	if away(err) && kept != nil {
		c.away = true
		if cause := context.Cause(asking); cause != nil && ctx.Err() == nil {
			err = cause
		}
		age := a.age(state)
		report.CatalogAge, report.CatalogFetched = age.Seconds(), a.clock.now().Add(-age).UTC()
		a.Log.Warn("the appliance can't be reached; converging the catalog kept here",
			"age", age.Round(time.Second).String(), "version", kept.Version, "error", short(err.Error()))
		return kept, nil, nil
	}
	return nil, nil, errors.Join(err, keptErr)
}
