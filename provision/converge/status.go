package converge

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// A Status is what an agent's files say of it.
type Status struct {
	Host      string   `json:"host"`
	Appliance string   `json:"appliance"`
	Running   bool     `json:"running"` // a run is under way
	Last      *LastRun `json:"last_run,omitempty"`
	// LastAge is how long ago the latest run ended, in seconds.
	LastAge float64 `json:"last_run_age,omitempty"`
	// Next is when the daemon's next run is due; zero when no daemon runs.
	Next time.Time `json:"next_run,omitzero"`
	// Catalog is the version of the catalog kept on the host, CatalogAge how long ago the
	// appliance confirmed it, in seconds.
	Catalog    string  `json:"catalog,omitempty"`
	CatalogAge float64 `json:"catalog_age,omitempty"`
	// Pending are the restarts and reloads that are due, by service.
	Pending map[string]Pending `json:"pending,omitempty"`
	// Opens is when the maintenance window opens that they wait for; zero when they don't.
	Opens    time.Time         `json:"window_opens,omitzero"`
	Disabled *catalog.Disabled `json:"disabled,omitempty"`
	// Certificate is when the host's certificate expires; zero when it has none.
	Certificate time.Time `json:"certificate_expires,omitzero"`
	Unsent      int       `json:"unsent_reports,omitempty"`
	Problems    []string  `json:"problems,omitempty"`
}

// Status reads the agent's files; it changes nothing, and asks nobody. An error says why
// this is no host with an agent.
func (a *Agent) Status() (Status, error) {
	a.setClock()
	settings, _, _, err := readSettings(a.Paths)
	if err != nil {
		return Status{}, err
	}
	s := Status{Host: settings.Host, Appliance: settings.Appliance, Running: a.running(), Disabled: a.disabled(), Next: a.nextRun()}
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
	s.Pending, s.Unsent = state.Pending, len(state.Unsent)
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

// since is how long ago something was: by the time since the boot if it was in this one,
// else by the clock, and never negative.
func (a *Agent) since(at time.Time, boot string, up time.Duration) time.Duration {
	if a.Uptime != nil {
		if now, passed := a.Uptime(); now != "" && now == boot {
			return max(0, passed-up)
		}
	}
	return max(0, a.clock.now().Sub(at))
}

// nextRun is when the daemon's next run is due; zero when there is no daemon.
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
