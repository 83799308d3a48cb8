// Package journal keeps the append-only record of events, and the installs that
// these move. One goroutine writes. Requests that wait at the same time share one
// transaction. A request succeeds only once its data is on disk.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"rackhand/provision"
	"rackhand/provision/store"
)

// ErrClosed is returned once Run has ended.
var ErrClosed = errors.New("the journal is closed: the appliance is stopping")

// A Journal records events and keeps the installs. It is a provision.Recorder.
type Journal struct {
	store store.Store
	clock func() time.Time
	watch stopwatch
	log   *slog.Logger
	// offset is the machine's clock less counted time, when the writer looked last.
	offset time.Duration

	requests chan *request
	done     chan struct{} // closed when Run has ended

	mu      sync.RWMutex
	state   state
	changed chan struct{} // closed and replaced at every commit
}

// state is the result of all events. The writer updates it; values in it are never changed in
// place.
type state struct {
	seq      uint64
	installs map[string]provision.Install // the latest of each host
	hosts    map[string]Host
	jobs     map[string]provision.Install // the latest rescue, wipe or burn-in of each host
}

// A Host holds the journal's data about a host or unclaimed box, beside its installs.
type Host struct {
	Host     string    `json:"host"`
	Seen     time.Time `json:"seen"`
	Counted  time.Time `json:"counted,omitzero"` // Seen, as counted time
	Power    string    `json:"power,omitempty"`  // on, off: as last seen by the BMC
	PowerAt  time.Time `json:"power_at,omitzero"`
	Installs int       `json:"installs"`         // how many there were
	Jobs     int       `json:"jobs,omitempty"`   // how many rescues, wipes and burn-ins
	Serves   bool      `json:"serves,omitempty"` // its disks still hold an installed system that served
	MACs     []string  `json:"macs,omitempty"`   // of the box when it was last armed
	// Begun: an install of it was begun or cancelled. It is no longer armed automatically.
	Begun bool `json:"begun,omitempty"`
	// Before: it may have been installed before this journal began.
	Before bool `json:"before,omitempty"`
	// EFI: its firmware is UEFI, as DHCP saw it last before it came over TCP (Proved);
	// until then as DHCP saw it last (SaysEFI). The BMC's boot override uses it.
	EFI     bool              `json:"efi,omitempty"`
	SaysEFI bool              `json:"says_efi,omitempty"`
	Proved  bool              `json:"proved,omitempty"`
	Last    provision.Event   `json:"last"`
	Facts   map[string]string `json:"facts,omitempty"` // of an unclaimed box: maker, address, arch
	// SwitchPort is the port of its cable at its last lease, from the relay's or switch's
	// option 82; "" if unknown.
	SwitchPort string `json:"switch_port,omitempty"`
	// Agent is as of the latest report of the agent that is on its disks.
	Agent provision.AgentState `json:"agent,omitzero"`
	// AgentVersion is the version that that agent states.
	AgentVersion string `json:"agent_version,omitempty"`
	// Trusts is the SHA-256 of the CAs that the agent trusts, hex.
	Trusts string `json:"trusts,omitempty"`
}

// Open reads the journal's state from the store. Run must be started before
// anything is recorded. clock is the machine's; elapsed is monotonic, and clock's own
// monotonic reading when nil.
func Open(ctx context.Context, s store.Store, clock func() time.Time, elapsed func() time.Duration, log *slog.Logger) (*Journal, error) {
	if elapsed == nil {
		elapsed = elapsedBy(clock)
	}
	watch, err := openStopwatch(ctx, s, elapsed, clock())
	if err != nil {
		return nil, err
	}
	j := &Journal{
		store: s, clock: clock, watch: watch, log: log,
		requests: make(chan *request),
		done:     make(chan struct{}),
		changed:  make(chan struct{}),
		state:    state{installs: map[string]provision.Install{}, hosts: map[string]Host{}, jobs: map[string]provision.Install{}},
	}
	j.offset = clock().Sub(watch.now())
	last, err := s.Range(ctx, eventPrefix, prefixEnd(eventPrefix), 1, true)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	for _, r := range last {
		var e provision.Event
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return nil, fmt.Errorf("opening the journal: event %s: %w", r.Key, err)
		}
		j.state.seq = e.Seq
	}
	if err := load(ctx, s, hostPrefix, func(h Host) { j.state.hosts[h.Host] = h }); err != nil {
		return nil, err
	}
	// Keys sort by host and number, so the last one of each host is its latest.
	if err := load(ctx, s, installPrefix, func(in provision.Install) { j.state.installs[in.Host] = in }); err != nil {
		return nil, err
	}
	for name, h := range j.state.hosts {
		// Records from before Begun and Proved existed: every arming counted as begun.
		h.Begun = h.Begun || h.Installs > 0 && !j.state.installs[name].First
		h.SaysEFI = h.SaysEFI || h.EFI && !h.Proved
		j.state.hosts[name] = h
	}
	if err := load(ctx, s, jobPrefix, func(in provision.Install) { j.state.jobs[in.Host] = in }); err != nil {
		return nil, err
	}
	return j, nil
}

func load[T any](ctx context.Context, s store.Store, prefix string, keep func(T)) error {
	records, _, err := s.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	for _, r := range records {
		var v T
		if err := json.Unmarshal(r.Value, &v); err != nil {
			return fmt.Errorf("opening the journal: record %s: %w", r.Key, err)
		}
		keep(v)
	}
	return nil
}

// Install returns the latest install of a host.
func (j *Journal) Install(host string) (provision.Install, bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	in, ok := j.state.installs[host]
	return in, ok
}

// Installs returns the latest install of every host.
func (j *Journal) Installs() map[string]provision.Install {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return maps.Clone(j.state.installs)
}

// Hosts returns what is known of every host and unclaimed box that was ever seen.
func (j *Journal) Hosts() map[string]Host {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return maps.Clone(j.state.hosts)
}

// Seq is the number of the latest event.
func (j *Journal) Seq() uint64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.seq
}

// Record appends an event and returns once it is on disk.
func (j *Journal) Record(e provision.Event) error {
	return j.do(func(v *view) error {
		v.append(e)
		return nil
	})
}
