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
		case packages.Holds(res.Package, r.installed):
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
			why = &unsure{fmt.Errorf("until apt's sources are made: %w", why)}
		}
		var did []string
		if why == nil {
			did = []string{change(p, r.installed[p.Name], "") + also(outcome, p.Name)}
		}
		r.outcome(res, start, did, why)
	}
}

// sourcesMade reports whether apt's sources would be others, in a dry run.
func (r *run) sourcesMade() bool {
	for id, result := range r.results {
		if strings.HasPrefix(id, catalog.KindFile+"[/etc/apt/") && (result.Status == catalog.Changed || result.Status == catalog.Unknown) {
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

// change tells what was done to a package; now is "" in a dry run.
func change(p *catalog.Package, was, now string) string {
	switch {
	case p.Ensure == catalog.Absent:
		return "removed " + was
	case was == "" && now == "":
		return "installed"
	case was == "":
		return "installed " + now
	case now == "":
		now = p.Ensure
	}
	return was + " → " + now
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
	var names []string
	added := map[string][]string{}
	for _, res := range todo {
		wanted, names = append(wanted, *res.Package), append(names, res.Package.Name)
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
	now, queryErr := r.query(context.WithoutCancel(ctx), names)
	for _, res := range todo {
		p := res.Package
		was := r.installed[p.Name]
		if queryErr == nil && packages.Holds(p, now) {
			did := afterTries(try, []string{change(p, was, now[p.Name]) + also(outcome, p.Name)}, nil)
			r.done(res, start, catalog.Changed, strings.Join(did, "; "))
			r.remember(p.Name, now)
			continue
		}
		why := errors.Join(outcome.Refused[p.Name], queryErr)
		if why == nil {
			why = err
		}
		if why == nil {
			why = fmt.Errorf("apt-get succeeded, but dpkg doesn't report %s as declared: is it a virtual package?", p.Name)
		}
		if queryErr == nil && now[p.Name] == was {
			if err := r.state.unmark(added[res.ID], res.ID); err != nil {
				why = errors.Join(why, err)
			}
		}
		failed[res.ID] = why
	}
	return failed
}

// query asks which of the packages are installed.
func (r *run) query(ctx context.Context, names []string) (map[string]string, error) {
	answer := make(chan map[string]string, 1)
	err := r.bounded(ctx, "dpkg-query", defaultDeadline, func(ctx context.Context) error {
		installed, err := r.Packages.Query(ctx, names)
		answer <- installed
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-answer, nil
}

// remember keeps what is installed now.
func (r *run) remember(name string, now map[string]string) {
	if r.installed == nil {
		r.installed = map[string]string{}
	}
	if version, there := now[name]; there {
		r.installed[name] = version
	} else {
		delete(r.installed, name)
	}
}
