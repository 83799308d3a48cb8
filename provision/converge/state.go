package converge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/drift"
	"rackhand/provision/converge/status"
)

const (
	maxState = 64 << 20
	// maxUnsent is how many reports wait at most, and maxReport their size in bytes.
	maxUnsent = 20
	maxReport = 512 << 10
)

// A State is what the agent remembers from run to run, in state.json. The run
// that holds the lock is its only writer.
type State struct {
	// Pending are the services that are to be restarted or reloaded, by id. An
	// entry is on disk before the change that causes it is made, and goes once
	// the service was refreshed.
	Pending map[string]Pending `json:"pending,omitempty"`
	// Sources is a hash of the package manager's sources when its index was last updated.
	Sources string `json:"apt_sources,omitempty"`
	// Updated is when that was.
	Updated time.Time `json:"apt_updated,omitzero"`
	// Fetched is when the appliance last confirmed the catalog kept here.
	Fetched time.Time `json:"catalog_fetched,omitzero"`
	// FetchedBoot and FetchedUp are the same as boot and time since that boot: no step of
	// the clock changes these.
	FetchedBoot string        `json:"catalog_fetched_boot,omitempty"`
	FetchedUp   time.Duration `json:"catalog_fetched_up,omitempty"`
	// Services are the services that were found healthy, by id.
	Services map[string]Seen `json:"services,omitempty"`
	// Held are the resources that held at the end of the last run.
	Held drift.Memory `json:"held,omitzero"`
	// Unsent are reports that the appliance hasn't taken yet, oldest first.
	Unsent []catalog.Report `json:"unsent,omitempty"`
	// Dropped is how many reports were dropped since the appliance took one.
	Dropped int `json:"dropped,omitempty"`
	// Last is the latest run, and Order the latest order that one was made for.
	Last  *status.LastRun `json:"last_run,omitempty"`
	Order string          `json:"order,omitempty"`
	// Facts is the SHA-256 of the facts that the appliance has answered for.
	Facts string `json:"facts,omitempty"`
	// Whole: some run had no failures. Maintenance windows hold from then on.
	Whole bool `json:"whole,omitempty"`

	path   string
	broken error // why it can't be kept at all
}

// Pending is a refresh that is due.
type Pending struct {
	Since time.Time `json:"since"`
	By    []string  `json:"by"` // the resources that changed
}

// OpenState reads state.json; without one it is empty. One that can't be read as
// JSON is put aside, and damaged says so: pending restarts may be lost with it.
func OpenState(path string) (s *State, damaged error, err error) {
	s = &State{path: path}
	b, err := readFile(path, maxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading the agent's state: %w", err)
	}
	if err := json.Unmarshal(b, s); err != nil {
		aside := path + ".damaged"
		if err := os.Rename(path, aside); err != nil {
			return nil, nil, fmt.Errorf("moving a damaged state file away: %w", err)
		}
		return &State{path: path}, fmt.Errorf("%s was damaged (%w) and is kept as %s: pending restarts are lost", path, err, aside), nil
	}
	return s, nil, nil
}

// Save puts the state on disk.
func (s *State) Save() error {
	if s.broken != nil {
		return s.broken
	}
	b, err := json.Marshal(s)
	if err == nil {
		err = writeFile(s.path, b)
	}
	if err != nil {
		return fmt.Errorf("keeping the agent's state: %w", err)
	}
	return nil
}

// mark notes that services are to be refreshed because of a resource that is
// about to change, and returns those for which this is new.
func (s *State) mark(services []string, by string, now time.Time) (added []string, err error) {
	for _, id := range services {
		p := s.Pending[id]
		if slices.Contains(p.By, by) {
			continue
		}
		if p.By == nil {
			p.Since = now
		}
		p.By = append(p.By, by)
		if s.Pending == nil {
			s.Pending = map[string]Pending{}
		}
		s.Pending[id] = p
		added = append(added, id)
	}
	if len(added) == 0 {
		return nil, nil
	}
	if err := s.Save(); err != nil {
		s.drop(added, by) // the change won't be made
		return nil, err
	}
	return added, nil
}

// drop removes a resource from the causes of pending refreshes.
func (s *State) drop(services []string, by string) {
	for _, id := range services {
		p := s.Pending[id]
		p.By = slices.DeleteFunc(slices.Clone(p.By), func(x string) bool { return x == by })
		if len(p.By) == 0 {
			delete(s.Pending, id)
		} else {
			s.Pending[id] = p
		}
	}
}

// unmark takes back what mark added, when the change did not happen.
func (s *State) unmark(services []string, by string) error {
	if len(services) == 0 {
		return nil
	}
	s.drop(services, by)
	return s.Save()
}

// refreshed notes that a service was refreshed.
func (s *State) refreshed(id string) error {
	if _, ok := s.Pending[id]; !ok {
		return nil
	}
	delete(s.Pending, id)
	return s.Save()
}

// saw notes the state of a service. The next Save saves it; a service whose state is lost is
// watched again.
func (s *State) saw(id string, seen Seen) {
	if s.Services == nil {
		s.Services = map[string]Seen{}
	}
	s.Services[id] = seen
}

// queue adds a report to those that aren't taken yet. When too many wait, the oldest go; dropped is
// how many did.
func (s *State) queue(r catalog.Report) (dropped int, err error) {
	r, _, err = r.Fit(maxReport)
	if err != nil {
		return 0, fmt.Errorf("keeping a report: %w", err)
	}
	s.Unsent = append(s.Unsent, r)
	dropped = max(0, len(s.Unsent)-maxUnsent)
	s.Unsent = s.Unsent[dropped:]
	s.Dropped += dropped
	return dropped, nil
}
