package converge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/packages"
)

// packages converges the packages at the head of resources in one transaction,
// and returns how many resources that were.
func (r *run) packages(ctx context.Context, resources []catalog.Resource) (n int) {
	start := r.Clock()
	var todo []*catalog.Resource
	deadline := time.Duration(0)
	notLatest := r.latest(ctx, resources)
	for ; n < len(resources) && resources[n].Package != nil; n++ {
		res := &resources[n]
		// Those before it in the same transaction are part of it: their failure is
		// told by apt.
		later := r.notNow(res)
		switch why := r.blocked(ctx, res); {
		case later != "":
			r.leave(res, start, later)
		case why != "":
			r.done(res, start, catalog.Skipped, why)
		case r.queryErr != nil:
			r.done(res, start, catalog.Failed, short(r.queryErr.Error()))
		case r.installed[res.Package.Name].Err != nil:
			r.done(res, start, catalog.Failed, short(r.installed[res.Package.Name].Err.Error()))
		case notLatest != nil && res.Package.Ensure == catalog.Latest:
			r.done(res, start, catalog.Failed, short(notLatest.Error()))
		case packages.Holds(res.Package, r.installed[res.Package.Name]) && !(r.noop && res.Package.Ensure == catalog.Latest):
			r.done(res, start, catalog.OK, "")
		default:
			todo = append(todo, res)
			own := packageDeadline
			if res.Deadline > 0 {
				own = time.Duration(res.Deadline) * time.Second
			}
			deadline = max(deadline, own)
		}
	}
	switch {
	case len(todo) == 0:
	case r.noop:
		r.plan(ctx, todo, deadline, start)
	default:
		r.transactions(ctx, todo, deadline, start)
	}
	return n
}

// plan is a transaction in a dry run.
func (r *run) plan(ctx context.Context, todo []*catalog.Resource, deadline time.Duration, start time.Time) {
	var wanted []catalog.Package
	for _, res := range todo {
		wanted = append(wanted, *res.Package)
	}
	outcome, err := r.bring(ctx, r.Packages.Plan, wanted, deadline)
	for _, res := range todo {
		p := res.Package
		why := outcome.Refused[p.Name]
		if why == nil {
			why = err
		}
		if outcome.Refused[p.Name] != nil && outcome.Outdated {
			why = &unsure{fmt.Errorf("until apt's package index is updated: %w", why)}
		}
		if why != nil && r.sourcesMade() {
			why = &unsure{fmt.Errorf("until the sources of packages are made: %w", why)}
		}
		if why == nil && outcome.Outdated && p.Ensure == catalog.Latest {
			why = &unsure{errors.New("until the package index is updated")}
		}
		var did []string
		if text := packages.Change(p, r.installed[p.Name], packages.State{}) + also(outcome, p.Name); why == nil && text != "" {
			did = []string{text}
		}
		r.outcome(res, start, did, why)
	}
}

// sourcesMade reports whether the sources of packages would be others, in a dry run.
func (r *run) sourcesMade() bool {
	for id, result := range r.results {
		source := catalog.KindOf(id) == catalog.KindRepository || strings.HasPrefix(id, catalog.KindFile+"[/etc/apt/") || strings.HasPrefix(id, catalog.KindFile+"[/etc/yum.repos.d/")
		if source && (result.Status == catalog.Changed || result.Status == catalog.Unknown) {
			return true
		}
	}
	return false
}

// also names what goes with a package.
func also(outcome packages.Outcome, name string) string {
	if beyond := outcome.Also[name]; len(beyond) > 0 {
		return "; with it: " + packages.Listed(beyond)
	}
	return ""
}

// bring is Apply or Plan, which may hang.
func (r *run) bring(ctx context.Context, do func(context.Context, []catalog.Package, map[string]string) (packages.Outcome, error), wanted []catalog.Package, deadline time.Duration) (packages.Outcome, error) {
	answer := make(chan packages.Outcome, 1) // work that is left behind must not write to a variable here
	err := r.bounded(ctx, "apt-get", deadline, func(ctx context.Context) error {
		outcome, err := do(ctx, wanted, r.declared)
		answer <- outcome
		return err
	})
	select {
	case outcome := <-answer:
		return outcome, err
	default: // it hangs
		return packages.Outcome{}, err
	}
}

// transactions carries out one transaction, and then others for those that failed and are to
// be tried again.
func (r *run) transactions(ctx context.Context, todo []*catalog.Resource, deadline time.Duration, start time.Time) {
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("the deadline of %s has passed", deadline))
	defer cancel()
	for try := 1; len(todo) > 0; try++ {
		failed := r.transaction(ctx, todo, deadline, start, try)
		var again []*catalog.Resource
		longest := time.Duration(0)
		fail := func(res *catalog.Resource) {
			r.done(res, start, catalog.Failed, short(failedTries(try, failed[res.ID]).Error()))
		}
		for _, res := range todo {
			if wait, yes := r.mayRetry(ctx, res, try, failed[res.ID]); yes {
				again, longest = append(again, res), max(longest, wait)
			} else if failed[res.ID] != nil {
				fail(res)
			}
		}
		if len(again) > 0 && r.sleep(ctx, longest) != nil {
			for _, res := range again {
				fail(res)
			}
			return
		}
		todo = again
	}
}

// transaction notes the results of those that hold then, and returns why the others don't, by
// their ids.
func (r *run) transaction(ctx context.Context, todo []*catalog.Resource, deadline time.Duration, start time.Time, try int) (failed map[string]error) {
	failed = map[string]error{}
	var wanted []catalog.Package
	added := map[string][]string{}
	for _, res := range todo {
		wanted = append(wanted, *res.Package)
		services, err := r.state.mark(res.Notify, res.ID, r.Clock())
		if err != nil {
			for _, res := range todo {
				failed[res.ID] = err
			}
			return failed
		}
		added[res.ID] = services
	}
	r.touched = true
	outcome, err := r.bring(ctx, r.Packages.Apply, wanted, deadline)
	// What dpkg says now counts, whatever apt said; also when ctx is at its end.
	now, queryErr := r.query(context.WithoutCancel(ctx), wanted)
	for _, res := range todo {
		p := res.Package
		was := r.installed[p.Name]
		if queryErr == nil && packages.Holds(p, now[p.Name]) {
			did := afterTries(try, []string{packages.Change(p, was, now[p.Name]) + also(outcome, p.Name)}, nil)
			r.done(res, start, catalog.Changed, strings.Join(did, "; "))
			r.remember(p.Name, now[p.Name])
			continue
		}
		why := errors.Join(outcome.Refused[p.Name], queryErr, now[p.Name].Err)
		if why == nil {
			why = err
		}
		if why == nil {
			why = fmt.Errorf("apt-get succeeded, but dpkg doesn't report %s as declared: is it a virtual package?", p.Name)
		}
		if queryErr == nil && unchanged(was, now[p.Name]) {
			if err := r.state.unmark(added[res.ID], res.ID); err != nil {
				why = errors.Join(why, err)
			}
		}
		failed[res.ID] = why
	}
	return failed
}

// unchanged reports whether nothing was done to a package.
func unchanged(was, now packages.State) bool {
	return was.Version == now.Version && was.Held == now.Held && was.Residue == now.Residue
}

// query asks for the states of packages.
func (r *run) query(ctx context.Context, asked []catalog.Package) (map[string]packages.State, error) {
	answer := make(chan map[string]packages.State, 1)
	err := r.bounded(ctx, "dpkg-query", defaultDeadline, func(ctx context.Context) error {
		installed, err := r.Packages.Query(ctx, asked)
		answer <- installed
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-answer, nil
}

// remember keeps the state of a package now.
func (r *run) remember(name string, now packages.State) {
	if r.installed == nil {
		r.installed = map[string]packages.State{}
	}
	r.installed[name] = now
}

// latest asks again for the packages that are to be the latest: the index may be old, or of
// other sources than those that this run has made.
func (r *run) latest(ctx context.Context, resources []catalog.Resource) error {
	var asked []catalog.Package
	var patient *catalog.Resource // the one with the most tries
	for i := range resources {
		res := &resources[i]
		if res.Package == nil {
			break
		}
		if res.Package.Ensure != catalog.Latest || r.notNow(res) != "" {
			continue
		}
		asked = append(asked, *res.Package)
		if patient == nil || res.Retry != nil && (patient.Retry == nil || patient.Retry.Tries < res.Retry.Tries) {
			patient = res
		}
	}
	if len(asked) == 0 || r.noop {
		return nil
	}
	within, cancel := context.WithTimeoutCause(ctx, packageDeadline, fmt.Errorf("the deadline of %s has passed", packageDeadline))
	defer cancel()
	for try := 1; ; try++ {
		err := r.bounded(within, "apt-get", packageDeadline, func(ctx context.Context) error { return r.Packages.Update(ctx, asked) })
		if err == nil {
			break
		}
		if !r.again(within, patient, try, err) {
			return failedTries(try, err)
		}
	}
	states, err := r.query(ctx, asked)
	for name, s := range states {
		r.remember(name, s)
	}
	return err
}
