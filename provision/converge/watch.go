package converge

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/systemd"
)

// watched is a service that has to stay healthy for a while before it counts as running:
// systemctl reports success even for a service that ends a moment after its start.
type watched struct {
	res      *catalog.Resource
	note     func(error) // takes what became of it
	did      []string
	base     int  // how often systemd may have restarted it
	due      bool // a refresh is done with once it holds
	deadline time.Duration

	waited, healthy time.Duration // altogether, and since it became healthy
}

const (
	defaultSettle = 5 * time.Second
	settlePause   = time.Second
)

// settle watches what was started until each has proved itself or failed, all at once, and
// notes their results.
func (r *run) settle(ctx context.Context) {
	for len(r.watching) > 0 {
		var names []string
		longest := time.Duration(0)
		for _, w := range r.watching {
			names = append(names, unitOf(w.res).Name)
			longest = max(longest, w.deadline)
		}
		units, err := r.show(ctx, "systemctl", longest, names)
		var still []*watched
		for _, w := range r.watching {
			u := units[unitOf(w.res).Name]
			if r.proved(w, u, cmp.Or(err, u.Err)) {
				continue
			}
			w.waited += settlePause
			still = append(still, w)
		}
		if r.watching = still; len(still) > 0 && r.sleep(ctx, settlePause) != nil {
			for _, w := range r.watching {
				r.proved(w, UnitState{}, context.Cause(ctx))
			}
			r.watching = nil
		}
	}
}

// proved looks at a watched service once, and notes its result if that is clear now.
func (r *run) proved(w *watched, u UnitState, err error) bool {
	s := unitOf(w.res)
	settle := defaultSettle
	if s.Settle > 0 {
		settle = time.Duration(s.Settle) * time.Second
	}
	health, why := u.Health()
	if grown, yes := u.Restarted(w.base); yes && health != systemd.Failed {
		health, why = systemd.Failed, grown
	}
	oneshot := u.Type == "oneshot" || forgotten(u)
	switch {
	case err != nil:
	case health == systemd.Failed || health == systemd.Stopped && !forgotten(u):
		err = fmt.Errorf("%s: see journalctl -u %s", why, u.ID)
	case health == systemd.Starting && w.waited < w.deadline:
		return false
	case health == systemd.Starting:
		err = fmt.Errorf("%s after %s: see journalctl -u %s", why, w.deadline, u.ID)
	case w.healthy < settle && !oneshot:
		w.healthy += settlePause
		return false
	}
	if err != nil {
		r.state.saw(w.res.ID, Seen{Restarts: u.Restarts})
		w.note(but(w.did, err))
		return true
	}
	seen := Seen{Since: u.Since, Restarts: u.Restarts}
	if oneshot {
		seen.Boot = r.boot()
	}
	r.state.saw(w.res.ID, seen)
	if w.due {
		err = r.state.refreshed(w.res.ID)
	}
	w.note(err)
	return true
}

// but is an error after something was done already.
func but(did []string, err error) error {
	if len(did) == 0 {
		return err
	}
	return fmt.Errorf("%s, but %w", strings.Join(did, "; "), err)
}

func (r *run) sleep(ctx context.Context, d time.Duration) error {
	if r.Sleep == nil {
		return Sleep(ctx, d)
	}
	return r.Sleep(ctx, d)
}
