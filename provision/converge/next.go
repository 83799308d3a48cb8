package converge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"rackhand/provision/catalog"
)

// A LastRun is what `status` shows of the latest run.
type LastRun struct {
	At      time.Time `json:"at"` // its end, by the host's clock
	Status  string    `json:"status"`
	Version string    `json:"version,omitempty"` // of the catalog
	Error   string    `json:"error,omitempty"`
	Order   string    `json:"order,omitempty"`
	// Boot and Up are At as boot and time since that boot.
	Boot string        `json:"boot,omitempty"`
	Up   time.Duration `json:"up,omitempty"`
}

// ran notes a run in the state, which is saved with its report.
func (a *Agent) ran(state *State, r catalog.Report) {
	state.Last = &LastRun{At: r.Finished, Status: r.Status, Version: r.Version, Error: r.Error, Order: r.Order}
	if a.Uptime != nil {
		state.Last.Boot, state.Last.Up = a.Uptime()
	}
	state.Whole = state.Whole || r.Error == "" && r.Status != catalog.Failed
	if r.Order != "" {
		state.Order, a.answered = r.Order, r.Order
	}
}

// nextRun is what next.json holds. It is in memory alone: it says nothing after a boot.
type nextRun struct {
	PID  int           `json:"pid"` // of the daemon
	At   time.Time     `json:"at"`
	Boot string        `json:"boot,omitempty"`
	Up   time.Duration `json:"up,omitempty"`
}

// noteNext notes when the daemon's next run is due, for `status`. It is not worth an error.
func (a *Agent) noteNext(pause time.Duration) {
	n := nextRun{PID: os.Getpid(), At: a.clock.now().Add(pause).UTC()}
	if a.Uptime != nil {
		n.Boot, n.Up = a.Uptime()
		n.Up += pause
	}
	b, err := json.Marshal(n)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(a.Paths.next()), 0o755)
	}
	if err == nil {
		err = os.WriteFile(a.Paths.next(), b, 0o644)
	}
	if err != nil {
		a.Log.Debug("noting the next run", "error", err)
	}
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

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
