package converge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// file converges a file. What it notifies is noted on disk before it changes: a
// run that dies in between leaves the restart to the next one.
func (r *run) file(ctx context.Context, res *catalog.Resource, deadline time.Duration) ([]string, error) {
	differs, err := r.checkFile(ctx, res, deadline)
	if err != nil || len(differs) == 0 || r.noop {
		return differs, err
	}
	added, err := r.state.mark(res.Notify, res.ID, r.Clock())
	if err != nil {
		return nil, err
	}
	err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error { return r.Files.Apply(ctx, res.File) })
	if err == nil {
		return differs, nil
	}
	// Nothing was changed: then nothing has to be restarted either.
	if still, checkErr := r.checkFile(ctx, res, deadline); checkErr == nil && slices.Equal(still, differs) {
		if err := r.state.unmark(added, res.ID); err != nil {
			return nil, err
		}
	}
	return nil, err
}

func (r *run) checkFile(ctx context.Context, res *catalog.Resource, deadline time.Duration) (differs []string, err error) {
	found := make(chan []string, 1) // work that is left behind must not write to a variable here
	err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error {
		d, err := r.Files.Check(ctx, res.File)
		found <- d
		return err
	})
	if err == nil {
		differs = <-found
	}
	return differs, err
}

// service converges a service: enabled, running, and the refresh that is due.
func (r *run) service(ctx context.Context, res *catalog.Resource, deadline time.Duration) (did []string, err error) {
	s := res.Service
	pending, due := r.state.Pending[res.ID]
	if r.noop && !due {
		due, pending.By = r.wouldNotify(res.ID)
	}
	state, err := r.serviceState(ctx, res, deadline)
	if err != nil {
		return nil, err
	}
	doTo := func(action, unit string) error {
		if r.noop {
			return nil
		}
		return r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error { return r.Services.Do(ctx, action, unit) })
	}
	do := func(action string) error { return doTo(action, s.Name) }
	if s.Enabled != nil && !state.holdsEnabled(*s.Enabled) {
		action, word := "enable", "enabled"
		if !*s.Enabled {
			action, word = "disable", "disabled"
		}
		if err := doTo(action, state.Unit); err != nil {
			return did, err
		}
		did = append(did, word)
	}
	wasRunning := state.Running()
	switch {
	case s.Running != nil && *s.Running && !wasRunning:
		if state.Active == "failed" {
			// One that failed too often is not started again otherwise
			// (StartLimitBurst= in systemd.unit(5)).
			if err := do("reset-failed"); err != nil {
				return did, err
			}
		}
		if err := do("start"); err != nil {
			return did, err
		}
		did = append(did, "started")
	case s.Running != nil && !*s.Running && wasRunning:
		if err := do("stop"); err != nil {
			return did, err
		}
		did = append(did, "stopped")
	case due && wasRunning:
		action, word := catalog.Restart, "restarted"
		if s.Refresh == catalog.Reload {
			action, word = catalog.Reload, "reloaded"
		}
		if err := do(action); err != nil {
			return did, fmt.Errorf("%w (the %s stays pending)", err, action)
		}
		did = append(did, fmt.Sprintf("%s, since %s changed", word, strings.Join(pending.By, ", ")))
	}
	if r.noop {
		return did, nil
	}
	if len(did) > 0 && (s.Running == nil || *s.Running) && (due || !wasRunning) {
		if err := r.stillRuns(ctx, res, wasRunning, deadline); err != nil {
			return did, err
		}
	}
	if due {
		return did, r.state.refreshed(res.ID)
	}
	return did, nil
}

// stillRuns looks again after a start or restart: systemctl is content with a
// simple service that ends a moment later.
func (r *run) stillRuns(ctx context.Context, res *catalog.Resource, wasRunning bool, deadline time.Duration) error {
	if res.Service.Running == nil && !wasRunning {
		return nil
	}
	state, err := r.serviceState(ctx, res, deadline)
	if err != nil {
		return err
	}
	if !state.Running() {
		return fmt.Errorf("it was started and is %s now: see journalctl -u %s", state.Active, res.Service.Name)
	}
	return nil
}

func (r *run) serviceState(ctx context.Context, res *catalog.Resource, deadline time.Duration) (ServiceState, error) {
	found := make(chan ServiceState, 1)
	err := r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error {
		s, err := r.Services.State(ctx, res.Service.Name)
		found <- s
		return err
	})
	if err != nil {
		return ServiceState{}, err
	}
	return <-found, nil
}

// wouldNotify tells, in a dry run, which changes would refresh a service.
func (r *run) wouldNotify(id string) (due bool, by []string) {
	for _, n := range r.notifiers[id] {
		if r.results[n].Status == catalog.Changed {
			by = append(by, n)
		}
	}
	return len(by) > 0, by
}
