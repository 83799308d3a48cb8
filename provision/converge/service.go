package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/provider"
	"rackhand/provision/converge/systemd"
)

// Seen is how a service was when it was last found healthy.
type Seen struct {
	// Since is when it had become active, in µs since the boot; 0 if it wasn't healthy,
	// so that it is watched again.
	Since    int64 `json:"since,omitempty"`
	Restarts int   `json:"restarts,omitempty"` // by systemd itself, until then
	// Boot is the boot in which a oneshot ran to its end: systemd forgets one that
	// nothing refers to.
	Boot string `json:"boot,omitempty"`
}

// service converges a unit: its files, masked, enabled, running, and the refresh that is due.
// watch isn't nil where it has to prove for a while that it is healthy.
func (r *run) service(ctx context.Context, res *catalog.Resource, deadline time.Duration) (did []string, watch *watched, err error) {
	if res.Absent() { // it is stopped before its files go
		did, _, err = r.operate(ctx, res, deadline, nil)
		if err != nil {
			return did, nil, err
		}
		gone, err := r.writeUnit(ctx, res, deadline)
		return append(did, gone...), nil, err
	}
	if did, err = r.writeUnit(ctx, res, deadline); err != nil {
		return did, nil, err
	}
	return r.operate(ctx, res, deadline, did)
}

// operate brings about what systemctl does. did is what was done to the files of the unit.
func (r *run) operate(ctx context.Context, res *catalog.Resource, deadline time.Duration, did []string) (_ []string, watch *watched, err error) {
	s := unitOf(res)
	u, reloaded, err := r.readUnit(ctx, res, deadline)
	if err != nil {
		return did, nil, err
	}
	by := r.dueBy(res.ID)
	if r.noop && res.Service != nil && len(did) > 0 {
		by = append(slices.Clone(by), itsDropIn)
	}
	due := len(by) > 0
	if r.noop && wanted(s) && u.LoadState == "not-found" {
		if res.Timer == nil || len(did) == 0 {
			return nil, nil, &provider.Missing{Err: errors.New("there is no such unit")}
		}
		u.LoadState, u.Enabled = "loaded", "disabled" // as after its files were written
	}
	do := func(action, unit string) error { return r.do(ctx, res, deadline, action, unit) }
	u, masks, err := r.mask(ctx, res, u, deadline, do)
	if did = append(did, masks...); err != nil {
		return did, nil, err
	}
	if action, word := enabling(s, u); action != "" {
		if err := do(action, u.name(s.Name)); err != nil {
			return did, nil, err
		}
		did = append(did, word)
	}
	health, why := r.health(res.ID, u)
	up := health == systemd.Healthy || !slices.Contains([]string{"inactive", "failed", "deactivating"}, u.ActiveState)
	base, acted := u.Restarts, false
	switch {
	case s.Running != nil && *s.Running && !up:
		if u.ActiveState == "failed" {
			// One that failed too often is not started again otherwise
			// (StartLimitBurst= in systemd.unit(5)).
			if err := do("reset-failed", s.Name); err != nil {
				return did, nil, err
			}
		}
		if err := do("start", s.Name); err != nil {
			return did, nil, err
		}
		did, base, acted = append(did, "started"), 0, true
	case s.Running != nil && !*s.Running && up && u.ActiveState != "inactive":
		if err := do("stop", s.Name); err != nil {
			return did, nil, err
		}
		did = append(did, "stopped")
	case due && up && r.held(res, refreshOf(s, by)):
		due = false // it stays on disk
	case due && up:
		action, word := refreshOf(s, by), "reloaded"
		if action == catalog.Restart {
			word, base = "restarted", 0
		}
		if err := do(action, s.Name); err != nil {
			return did, nil, fmt.Errorf("%w (the %s stays pending)", err, action)
		}
		did, acted = append(did, fmt.Sprintf("%s, since %s changed", word, strings.Join(by, ", "))), true
		r.onlyRefreshed[res.ID] = len(did) == 1
	}
	if reloaded && len(did) == 0 {
		did = append(did, "systemd has read its changed unit files")
	}
	if s.Running != nil && *s.Running && !acted {
		if err := r.unhealthy(res, u, health, why); err != nil {
			return did, nil, but(did, err)
		}
	}
	switch {
	case r.noop:
		return did, nil, nil
	case acted, s.Running != nil && *s.Running && (health == systemd.Starting || r.state.Services[res.ID].Since != u.Since):
		return did, &watched{res: res, did: did, base: base, due: due, deadline: deadline}, nil
	case due:
		return did, nil, r.state.refreshed(res.ID)
	}
	return did, nil, nil
}

// wanted reports whether a unit is to run, or to be enabled.
func wanted(s *catalog.Service) bool {
	return s.Running != nil && *s.Running || s.Enabled != nil && *s.Enabled
}

// enabling is what systemctl has to do so that a unit is as enabled as declared; "" for
// nothing.
func enabling(s *catalog.Service, u UnitState) (action, word string) {
	switch {
	case s.Enabled == nil || systemd.HoldsEnabled(u.Enabled, *s.Enabled):
		return "", ""
	case *s.Enabled:
		return "enable", "enabled"
	}
	return "disable", "disabled"
}

// refreshOf is what is done because of changes elsewhere. A reload takes no drop-in in.
func refreshOf(s *catalog.Service, by []string) string {
	if s.Refresh == catalog.Reload && !slices.Contains(by, itsDropIn) {
		return catalog.Reload
	}
	return catalog.Restart
}

// do has systemd do something with a unit. What the resource notifies is noted on disk before.
func (r *run) do(ctx context.Context, res *catalog.Resource, deadline time.Duration, action, unit string) error {
	if r.noop {
		return nil
	}
	r.touched = true
	if _, err := r.state.mark(res.Notify, res.ID, r.Clock()); err != nil {
		return err
	}
	return r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error { return r.Services.Do(ctx, action, unit) })
}

// unhealthy is the reason why a service that should run, and that this run didn't touch, is
// not in order.
func (r *run) unhealthy(res *catalog.Resource, u UnitState, health systemd.Health, why string) error {
	seen, known := r.state.Services[res.ID]
	grown, restarted := u.Restarted(seen.Restarts)
	switch {
	case health == systemd.Failed:
	case known && restarted:
		why = grown
	case health == systemd.Starting && r.noop:
		return &unsure{errors.New(why)}
	default:
		return nil
	}
	if !r.noop {
		r.state.saw(res.ID, Seen{Restarts: u.Restarts})
	}
	return fmt.Errorf("%s: see journalctl -u %s", why, u.ID)
}

// health is a unit's own, but for a oneshot that ran in this boot and that systemd has
// forgotten since.
func (r *run) health(id string, u UnitState) (systemd.Health, string) {
	if ran := r.state.Services[id].Boot; forgotten(u) && ran != "" && ran == r.boot() {
		return systemd.Healthy, ""
	}
	return u.Health()
}

func forgotten(u UnitState) bool {
	return u.Type == "oneshot" && u.ActiveState == "inactive" && u.Started == 0 && u.LoadState == "loaded"
}

func (r *run) boot() string {
	if r.Boot == nil {
		return ""
	}
	return r.Boot()
}

// name is the unit's own name where the name that it is called by is an alias.
func (s UnitState) name(called string) string {
	if s.ID == called || s.ID == called+".service" || s.LoadState == "not-found" {
		return called
	}
	return s.ID
}

// unit is the state of a service: from the one question of this run, as long as nothing
// was changed since.
func (r *run) unit(ctx context.Context, res *catalog.Resource, deadline time.Duration) (UnitState, error) {
	name := unitOf(res).Name
	names := []string{name}
	if !r.touched {
		if u, ok := r.units[name]; ok {
			return u, u.Err
		}
		names = r.services
	}
	units, err := r.show(ctx, res.ID, deadline, names)
	if err != nil {
		return UnitState{}, err
	}
	if !r.touched {
		r.units = units
	}
	u := units[name]
	return u, u.Err
}

func (r *run) show(ctx context.Context, id string, deadline time.Duration, names []string) (map[string]UnitState, error) {
	found := make(chan map[string]UnitState, 1) // work that is left behind must not write to a variable here
	err := r.bounded(ctx, id, deadline, func(ctx context.Context) error {
		units, err := r.Services.Units(ctx, names)
		found <- units
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-found, nil
}

// dueBy are the resources whose change a refresh of a service is due to; in a dry run also
// those that would be changed.
func (r *run) dueBy(id string) []string {
	by := r.state.Pending[id].By
	if !r.noop || len(by) > 0 {
		return by
	}
	for _, n := range r.notifiers[id] {
		if r.results[n].Status == catalog.Changed {
			by = append(by, n)
		}
	}
	return by
}
