package converge

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/provider"
	"rackhand/provision/converge/systemd"
)

// unitOf is the unit of systemd that a resource declares: a service, or the unit of a timer.
// nil for none.
func unitOf(res *catalog.Resource) *catalog.Service {
	if t := res.Timer; t != nil {
		present := t.Ensure != catalog.Absent
		return &catalog.Service{Name: t.Name + ".timer", Running: &present, Enabled: &present, Settle: 1}
	}
	return res.Service
}

// unitFiles are the files of units that a resource declares.
func unitFiles(res *catalog.Resource) []*catalog.File {
	if res.Timer != nil {
		return systemd.TimerFiles(res.Timer)
	}
	if f := systemd.DropIn(res.Service); f != nil {
		return []*catalog.File{f}
	}
	return nil
}

// replacesService returns an error if a timer's service would take the place of one that a
// package brings, such as ssh, and that has no timer.
func replacesService(f FileManager, t *catalog.Timer) error {
	has := func(folder, suffix string) bool {
		return f.Has(&catalog.File{Path: folder + "/" + t.Name + suffix, Ensure: catalog.Absent})
	}
	if t == nil || t.Ensure == catalog.Absent || has(catalog.UnitFolder, ".timer") {
		return nil
	}
	for _, folder := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
		if has(folder, ".service") && !has(folder, ".timer") {
			return fmt.Errorf("a package brings the service %s, which the timer's own service of this name would replace: choose another name", t.Name)
		}
	}
	return nil
}

// itsDropIn stands among the causes of a refresh for the service's own drop-in.
const itsDropIn = "its drop-in"

// writeUnit brings the files of a unit about, and has systemd read them. What it changed is
// in words for a person.
func (r *run) writeUnit(ctx context.Context, res *catalog.Resource, deadline time.Duration) (did []string, err error) {
	if err := replacesService(r.Files, res.Timer); err != nil {
		return nil, err
	}
	for _, file := range unitFiles(res) {
		differs, folder, err := r.unitFile(ctx, res, file, deadline)
		if err != nil {
			return did, err
		}
		if len(differs) == 0 {
			continue
		}
		did = append(did, path.Base(file.Path)+": "+strings.Join(differs, ", "))
		if r.noop {
			continue
		}
		r.touched = true
		if err := r.markUnit(res); err != nil {
			return did, err
		}
		err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error {
			if folder != nil {
				if err := r.Files.Apply(ctx, folder); err != nil {
					return err
				}
			}
			return r.Files.Apply(ctx, file)
		})
		if err != nil {
			return did, fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	if len(did) == 0 || r.noop {
		return did, nil
	}
	return did, r.reload(ctx, res, deadline)
}

// unitFile lists what differs in a unit's file. folder isn't nil where that has to be made
// first.
func (r *run) unitFile(ctx context.Context, res *catalog.Resource, file *catalog.File, deadline time.Duration) (differs []string, folder *catalog.File, err error) {
	differs, err = r.check(ctx, res, deadline, func(ctx context.Context) ([]string, error) { return r.Files.Check(ctx, file) })
	var m *provider.Missing
	if errors.As(err, &m) {
		folder = &catalog.File{Path: path.Dir(file.Path), Ensure: catalog.Directory, Mode: "0755"}
		differs, err = r.Files.Fresh(file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	if r.noop && len(differs) > 0 && folder == nil {
		r.diffs[res.ID] += r.Files.Diff(ctx, file)
	}
	return differs, folder, nil
}

// markUnit notes on disk, before a unit is changed, what has to be refreshed because of it:
// what it notifies, and a service itself, whose processes still have the old settings.
func (r *run) markUnit(res *catalog.Resource) error {
	if res.Service != nil {
		if _, err := r.state.mark([]string{res.ID}, itsDropIn, r.Clock()); err != nil {
			return err
		}
	}
	_, err := r.state.mark(res.Notify, res.ID, r.Clock())
	return err
}

// reload has systemd read all unit files again.
func (r *run) reload(ctx context.Context, res *catalog.Resource, deadline time.Duration) error {
	r.touched = true
	return r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error { return r.Services.Do(ctx, "daemon-reload", "") })
}

// readUnit is the state of a unit, from the files that are on the disk now. reloaded says that
// systemd had to read them first.
func (r *run) readUnit(ctx context.Context, res *catalog.Resource, deadline time.Duration) (u UnitState, reloaded bool, err error) {
	u, err = r.unit(ctx, res, deadline)
	if err != nil || !u.stale() {
		return u, false, err
	}
	if r.noop {
		return u, true, nil
	}
	if err := r.reload(ctx, res, deadline); err != nil {
		return u, false, err
	}
	u, err = r.unit(ctx, res, deadline)
	return u, !u.stale(), err
}

// stale reports whether the files of a unit, or of one that it starts, have changed since
// systemd read them.
func (s UnitState) stale() bool {
	for _, b := range s.Behind {
		if b.NeedDaemonReload == "yes" {
			return true
		}
	}
	return s.NeedDaemonReload == "yes"
}

// mask masks or unmasks a unit. One that is to run, or to be enabled, can't stay masked.
func (r *run) mask(ctx context.Context, res *catalog.Resource, u UnitState, deadline time.Duration, do func(action, unit string) error) (UnitState, []string, error) {
	s := unitOf(res)
	toMask := s.Masked != nil && *s.Masked
	switch {
	case toMask && !u.masked():
		return u, []string{"masked"}, do("mask", s.Name)
	case toMask, !u.masked(), s.Masked == nil && !wanted(s):
		return u, nil, nil
	}
	action := "unmask"
	if u.Enabled == "masked-runtime" {
		action = "unmask --runtime"
	}
	if err := do(action, s.Name); err != nil {
		return u, nil, err
	}
	if r.noop { // as it most likely is below the mask
		u.LoadState, u.Enabled = "loaded", "enabled"
		if s.Enabled != nil && !*s.Enabled {
			u.Enabled = "disabled"
		}
		return u, []string{"unmasked"}, nil
	}
	u, err := r.unit(ctx, res, deadline)
	if err == nil && u.masked() {
		err = fmt.Errorf("it is masked by %s, which systemctl unmask leaves: a package masks it", u.FragmentPath)
	}
	return u, []string{"unmasked"}, err
}

func (s UnitState) masked() bool {
	return s.LoadState == "masked" || strings.HasPrefix(s.Enabled, "masked")
}
