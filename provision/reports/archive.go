package reports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/store"
)

// Records of this package: the latest report of a host, and the list of its earlier ones,
// newest first.
const (
	lastPrefix = "report/"
	pastPrefix = "reports/"
)

// ErrNone: the archive doesn't have the report.
var ErrNone = errors.New("no such report is kept")

// Options configure an Archive.
type Options struct {
	Store store.Store
	Clock func() time.Time
	// Counted is the time that the appliance has run.
	Counted func() time.Time
	Keep    config.Keep
	Log     *slog.Logger
}

// An Archive keeps the reports of all hosts. Its methods may be called at once.
type Archive struct {
	Options
	mu    sync.Mutex
	hosts map[string]entry
}

// An entry sums up the reports of a host, in memory.
type entry struct {
	last   provision.LastRun
	oldest time.Time // counted time of the oldest earlier one; zero: no earlier one
}

// New makes an archive; Load reads the stored reports.
func New(o Options) *Archive { return &Archive{Options: o, hosts: map[string]entry{}} }

// Load reads the reports that are kept. Until then Runs is empty. A report that can't be
// read is skipped.
func (b *Archive) Load(ctx context.Context) error {
	last, _, err := b.Store.List(ctx, lastPrefix)
	if err != nil {
		return fmt.Errorf("reading the reports: %w", err)
	}
	past, _, err := b.Store.List(ctx, pastPrefix)
	if err != nil {
		return fmt.Errorf("reading the earlier reports: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range last {
		host := strings.TrimPrefix(r.Key, lastPrefix)
		var k Kept
		if err := unpack(r.Value, &k); err != nil {
			b.Log.Error("a kept report can't be read", "host", host, "error", err)
			continue
		}
		run := k.Run()
		if run.Counted.IsZero() { // of a version that noted no time: judged from now on
			run.Counted, run.Received = b.Counted(), k.Finished
		}
		b.hosts[host] = entry{last: run}
	}
	for _, r := range past {
		host := strings.TrimPrefix(r.Key, pastPrefix)
		var list []Kept
		if err := unpack(r.Value, &list); err != nil {
			b.Log.Error("kept reports can't be read", "host", host, "error", err)
			continue
		}
		e := b.hosts[host]
		e.oldest = oldest(list)
		b.hosts[host] = e
	}
	return nil
}

// Runs are the latest reports of all hosts in brief, judged at this time.
func (b *Archive) Runs() map[string]provision.LastRun {
	b.mu.Lock()
	all := maps.Clone(b.hosts)
	b.mu.Unlock()
	runs := map[string]provision.LastRun{}
	now, counted := b.Clock(), b.Counted()
	for host, e := range all {
		if e.last.Status == "" {
			continue
		}
		run := e.last.At(counted)
		if run.Received.After(now) { // the clock was set back
			run.Received = now
		}
		runs[host] = run
	}
	return runs
}

// Run is a host's latest report in brief; false if it has none.
func (b *Archive) Run(host string) (provision.LastRun, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	run := b.hosts[host].last
	return run, run.Status != ""
}

// Put keeps a report that has just come; age is that of the catalog that the host had kept,
// 0 for one of the appliance.
func (b *Archive) Put(ctx context.Context, host string, r catalog.Report, age time.Duration) (Kept, error) {
	for attempt := 1; ; attempt++ {
		k, err := b.put(ctx, host, r, age)
		if !errors.Is(err, store.ErrConflict) || attempt == 3 {
			return k, err
		}
	}
}

func (b *Archive) put(ctx context.Context, host string, r catalog.Report, age time.Duration) (Kept, error) {
	k := Kept{Number: 1, Received: b.Clock().UTC(), Counted: b.Counted(), Age: age.Seconds(), Report: r}
	before, rev, err := b.last(ctx, host)
	if err != nil && !errors.Is(err, ErrNone) {
		return k, err
	}
	k.Number, k.Drifted = before.Number+1, before.Drifted
	// The agent missed the answer, and has sent the report again.
	again := !r.Started.IsZero() && before.Started.Equal(r.Started)
	if again {
		k.Number = before.Number
	}
	if k.Interval == 0 {
		k.Interval = before.Interval // of a single run: the agent's own is as it was
	}
	if k.Run().HasDrifted() > 0 {
		k.Drifted = k.Received
	}
	kept, _, err := pack(k)
	if err != nil {
		return k, err
	}
	conds := []store.Cond{{Key: lastPrefix + host, Rev: rev}}
	ops := []store.Op{{Key: lastPrefix + host, Value: kept}}
	list, pastRev, err := b.past(ctx, host)
	if err != nil {
		return k, err
	}
	if !before.Counted.IsZero() && !again {
		var packed []byte
		if list, packed, err = b.addEarlier(before, list); err != nil {
			return k, err
		}
		conds = append(conds, store.Cond{Key: pastPrefix + host, Rev: pastRev})
		ops = append(ops, store.Op{Key: pastPrefix + host, Value: packed})
	}
	if _, err := b.Store.Txn(ctx, conds, ops...); err != nil {
		return k, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hosts[host].last.Number < k.Number || b.hosts[host].last.Counted.Before(k.Counted) {
		b.hosts[host] = entry{last: k.Run(), oldest: oldest(list)}
	}
	return k, nil
}

// Last is a host's latest report, whole.
func (b *Archive) Last(ctx context.Context, host string) (Kept, error) {
	k, _, err := b.last(ctx, host)
	if err == nil && !k.Counted.IsZero() {
		k.Silent = k.Run().At(b.Counted()).Silent
	}
	return k, err
}

// Earlier are the reports before the latest, newest first, in brief: resources that held
// are counted and not listed.
func (b *Archive) Earlier(ctx context.Context, host string) ([]Kept, error) {
	list, _, err := b.past(ctx, host)
	return list, err
}

// last reads a host's latest report; rev is 0 when there is none. One that can't be
// read is reported as ErrNone, and is replaced by the next.
func (b *Archive) last(ctx context.Context, host string) (k Kept, rev uint64, err error) {
	r, err := b.Store.Get(ctx, lastPrefix+host)
	if errors.Is(err, store.ErrNotFound) {
		return k, 0, fmt.Errorf("%w of %s", ErrNone, host)
	}
	if err != nil {
		return k, 0, fmt.Errorf("reading the report of %s: %w", host, err)
	}
	if err := unpack(r.Value, &k); err != nil {
		b.Log.Error("a kept report can't be read", "host", host, "error", err)
		return Kept{}, r.Rev, fmt.Errorf("%w of %s: the one that was kept can't be read", ErrNone, host)
	}
	return k, r.Rev, nil
}

func (b *Archive) past(ctx context.Context, host string) (list []Kept, rev uint64, err error) {
	r, err := b.Store.Get(ctx, pastPrefix+host)
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the earlier reports of %s: %w", host, err)
	}
	if err := unpack(r.Value, &list); err != nil {
		b.Log.Error("kept reports can't be read", "host", host, "error", err)
		return nil, r.Rev, nil
	}
	return list, r.Rev, nil
}
