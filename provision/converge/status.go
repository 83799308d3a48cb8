package converge

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/status"
)

// Status reads the agent's files. It changes nothing and opens no connection. An error says
// why this host has no agent.
func (a *Agent) Status() (status.Status, error) {
	a.setClock()
	settings, _, _, err := readSettings(a.Paths)
	if err != nil {
		return status.Status{}, err
	}
	s := status.Status{Host: settings.Host, Appliance: settings.Appliance, Running: a.running(), Disabled: a.disabled(), Next: a.nextRun()}
	problem := func(err error) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.Problems = append(s.Problems, err.Error())
		}
	}
	state, err := readState(a.Paths.state())
	problem(err)
	if s.Last = state.Last; s.Last != nil {
		s.LastAge = a.since(s.Last.At, s.Last.Boot, s.Last.Up).Seconds()
	}
	s.Unsent = len(state.Unsent)
	for id, p := range state.Pending {
		if s.Pending == nil {
			s.Pending = map[string][]string{}
		}
		s.Pending[id] = p.By
	}
	kept, err := a.keptCatalog(settings.Host)
	problem(err)
	if kept != nil {
		s.Catalog, s.CatalogAge = kept.Version, a.age(state).Seconds()
		hold, opens, err := a.hold(kept.Maintenance)
		problem(err)
		if len(s.Pending) > 0 && state.Whole && hold != nil && hold() != "" {
			s.Opens = opens()
		}
	}
	s.Certificate, err = a.expires()
	problem(err)
	return s, nil
}

func readState(path string) (*State, error) {
	s := &State{}
	b, err := readFile(path, maxState)
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return &State{}, fmt.Errorf("the agent's state: %w", err)
	}
	return s, nil
}

// since is how long ago something happened. It is measured by the time since the boot if
// that was in this boot, otherwise by the clock, and is never negative.
func (a *Agent) since(at time.Time, boot string, up time.Duration) time.Duration {
	if a.Uptime != nil {
		if now, passed := a.Uptime(); now != "" && now == boot {
			return max(0, passed-up)
		}
	}
	return max(0, a.clock.now().Sub(at))
}

// nextRun is when the daemon's next run is due; zero without a daemon.
func (a *Agent) nextRun() time.Time {
	b, err := readFile(a.Paths.next(), 4<<10)
	var n nextRun
	if err != nil || json.Unmarshal(b, &n) != nil || n.PID <= 0 || unix.Kill(n.PID, 0) != nil {
		return time.Time{}
	}
	if a.Uptime != nil {
		if boot, up := a.Uptime(); boot != "" && boot == n.Boot {
			return a.clock.now().Add(n.Up - up).UTC()
		}
	}
	return n.At
}

func (a *Agent) running() bool {
	f, err := os.Open(a.Paths.lock())
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// expires is when the host's certificate expires.
func (a *Agent) expires() (time.Time, error) {
	b, err := readFile(a.Paths.cert(), 256<<10)
	if err != nil {
		return time.Time{}, err
	}
	der, err := onePEM(b, "CERTIFICATE")
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", a.Paths.cert(), err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", a.Paths.cert(), err)
	}
	return cert.NotAfter, nil
}

// ran notes a run in the state, which is saved with its report.
func (a *Agent) ran(state *State, r catalog.Report) {
	state.Last = &status.LastRun{At: r.Finished, Status: r.Status, Version: r.Version, Error: r.Error, Order: r.Order, Tags: r.Tags}
	if a.Uptime != nil {
		state.Last.Boot, state.Last.Up = a.Uptime()
	}
	state.Whole = state.Whole || r.Error == "" && r.Status != catalog.Failed && len(r.Tags) == 0
	if r.Order != "" {
		state.Order, a.answered = r.Order, r.Order
	}
}

// nextRun is the content of next.json, which lies on a tmpfs and is lost at a boot.
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

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
