package converge

import (
	"time"

	"rackhand/provision/catalog"
)

// held reports whether a refresh has to wait, and notes until when: that of a service that
// runs, and of what says so itself. A service that doesn't run is started at any time, since
// nothing uses it.
func (r *run) held(res *catalog.Resource, action string) bool {
	if r.Hold == nil || unitOf(res) == nil && !res.InWindow {
		return false
	}
	until := r.Hold()
	if until == "" {
		return false
	}
	r.waits[res.ID] = action + " pending until " + until
	return true
}

// hold is [Mode.Hold] for a catalog, and when its windows open next. Windows that this agent
// can't read are closed: a restart at the wrong time does more harm than one that waits.
func (a *Agent) hold(m *catalog.Maintenance) (hold func() string, opens func() time.Time, err error) {
	never := func() time.Time { return time.Time{} }
	set, err := m.Set()
	if err != nil {
		return func() string { return "the agent can read the maintenance windows" }, never, err
	}
	if len(set.Windows) == 0 {
		return nil, never, nil
	}
	next := func() time.Time { return set.Next(a.clock.now()) }
	return func() string {
		if set.Open(a.clock.now()) {
			return ""
		}
		return set.Show(next())
	}, next, nil
}

// untilOpen shortens a pause so that the next run falls into the window that a restart
// waits for. Hosts with the same window don't all come at its first second.
func (a *Agent) untilOpen(pause time.Duration) time.Duration {
	if a.opens.IsZero() {
		return pause
	}
	until := a.opens.Sub(a.clock.now())
	if until >= pause || until < 0 {
		return pause
	}
	return min(pause, until+time.Second+time.Duration(a.Random.Int64N(int64(openSpread))))
}

// openSpread is over how long the hosts of a window come: a minute, the shortest window.
const openSpread = 50 * time.Second
