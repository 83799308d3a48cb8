package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// How often the Keeper checks events, since a flood can fill the file within minutes, and
// how often all other records.
const (
	passEvery = time.Minute
	pastEvery = time.Hour
	page      = 500 // events read at once
)

// eventEighths is the part of the file that events may take, in eighths. Pages are not
// quite full, the file holds reports, installs and leases, too, and up to a quarter may be
// free.
const eventEighths = 5

// The file is compacted when this many bytes, and this part of it, are free, but not more
// often than compactEvery.
const (
	freeBytes    = 8 << 20
	freePart     = 4
	compactEvery = 10 * time.Minute
)

// Options configure a Keeper.
type Options struct {
	Journal *journal.Journal
	Store   store.Store
	Keep    config.Keep
	// Known reports whether the inventory has a host; false also while there is no
	// inventory yet.
	Known func(host string) bool
	// Loaded reports whether there is an inventory. Without one, no host counts as removed.
	Loaded func() bool
	// RetainLogs removes the installers' logs of installs for which keep returns false.
	RetainLogs func(keep func(install string) bool) error
	// TrimReports forgets the reports of agents that have become too old; nil: none are kept.
	TrimReports func(ctx context.Context) error
	Log         *slog.Logger
}

// A Keeper keeps the database within its bounds.
type Keeper struct {
	Options
	ledger      *ledger
	days        days
	protect     map[string]bool
	pastAt      time.Time // the last check of the installs
	compactedAt time.Time

	mu    sync.Mutex
	stats provision.DatabaseStats
	seen  uint64 // the newest event that stats.Events counts
}

// New makes a Keeper; Run starts it.
func New(o Options) *Keeper { return &Keeper{Options: o, ledger: newLedger()} }

// Stats returns the present sizes. The size of events is that of the last pass.
func (k *Keeper) Stats() provision.DatabaseStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats
	s.Events += int(k.Journal.Seq() - k.seen)
	if c, ok := k.Store.(store.Compacter); ok {
		size := c.Size()
		s.Bytes, s.Free = size.File, size.Free
	}
	return s
}

// Run makes a pass each minute until ctx ends. A failure is logged and retried.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(passEvery)
	defer tick.Stop()
	for {
		if err := k.Pass(ctx); err != nil && ctx.Err() == nil {
			k.Log.Error("pruning the database failed; the next attempt is in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pass reads the events since the last pass, and deletes those beyond the bounds. It isn't
// safe for concurrent use.
func (k *Keeper) Pass(ctx context.Context) error {
	if err := k.read(ctx); err != nil {
		return err
	}
	now := k.Journal.Counted()
	if k.days == nil {
		var err error
		if k.days, err = loadDays(ctx, k.Store); err != nil {
			return err
		}
	}
	if k.protect == nil || now.Sub(k.pastAt) >= pastEvery || now.Before(k.pastAt) {
		if err := k.past(ctx, now); err != nil {
			return err
		}
		k.pastAt = now
	}
	cut, done := k.days.cut(now, k.Keep.Days)
	if err := k.days.begin(ctx, k.Store, now, k.ledger.last, done); err != nil {
		return err
	}
	pruned, err := k.forget(ctx, cut)
	k.mu.Lock()
	k.stats.Pruned += pruned
	k.mu.Unlock()
	if err == nil {
		err = k.compact(ctx, now)
	}
	k.updateStats()
	return err
}

// read adds the new events to the ledger.
func (k *Keeper) read(ctx context.Context) error {
	for {
		events, err := k.Journal.Entries(ctx, k.ledger.last, page)
		if err != nil {
			return err
		}
		k.ledger.add(events)
		if len(events) < page {
			return nil
		}
	}
}

// forget deletes the events that are too many, too old, or too large.
func (k *Keeper) forget(ctx context.Context, cut uint64) (pruned int, err error) {
	seqs := k.ledger.excess(Bounds{Events: k.Keep.Events, Bytes: k.Keep.Size * eventEighths / 8, Cut: cut, Protect: k.protected()})
	for len(seqs) > 0 {
		n := min(len(seqs), journal.ForgetAtOnce)
		if err := k.Journal.Forget(ctx, seqs[:n]); err != nil {
			k.ledger = newLedger() // unknown events may be gone: read the ledger again
			return pruned, err
		}
		pruned, seqs = pruned+n, seqs[n:]
	}
	if pruned > 0 {
		k.ledger.compactIDs()
		k.Log.Info("events were pruned", "events", pruned)
	}
	return pruned, nil
}

// protected are the installs whose events are always kept: those of the last check, and any
// that have begun or ended since.
func (k *Keeper) protected() map[string]bool {
	for _, all := range []map[string]provision.Install{k.Journal.Installs(), k.Journal.Jobs()} {
		for _, in := range all {
			k.protect[in.ID] = true
		}
	}
	return k.protect
}

// past deletes old installs and jobs with their other records, and the records of hosts
// that left the inventory.
func (k *Keeper) past(ctx context.Context, now time.Time) error {
	all, err := k.Journal.Past(ctx)
	if err != nil {
		return err
	}
	age := time.Duration(k.Keep.Days) * 24 * time.Hour
	gone, stay := classify(all, now, age)
	left := map[string]bool{}
	for _, p := range all {
		left[p.ID] = true
	}
	for _, p := range gone {
		delete(left, p.ID)
	}
	for len(gone) > 0 {
		n := min(len(gone), journal.ForgetAtOnce)
		if err := k.Journal.ForgetPast(ctx, gone[:n]); err != nil {
			return err
		}
		gone = gone[n:]
	}
	k.protect = stay
	// Installs that have begun meanwhile are looked up at the last moment.
	known := func(install string) bool { return left[install] || k.latest(install) }
	if err := k.deleteOrphans(ctx, known, now, age); err != nil {
		return err
	}
	if k.TrimReports != nil {
		if err := k.TrimReports(ctx); err != nil {
			return err
		}
	}
	if k.RetainLogs != nil {
		if err := k.RetainLogs(known); err != nil {
			return fmt.Errorf("removing old logs of installers: %w", err)
		}
	}
	return nil
}

// latest reports whether an install or job is the latest of its host.
func (k *Keeper) latest(install string) bool {
	for _, all := range []map[string]provision.Install{k.Journal.Installs(), k.Journal.Jobs()} {
		for _, in := range all {
			if in.ID == install {
				return true
			}
		}
	}
	return false
}

// compact compacts the file when enough of it is free.
func (k *Keeper) compact(ctx context.Context, now time.Time) error {
	c, ok := k.Store.(store.Compacter)
	if !ok || !worthCompacting(c.Size()) || !k.compactedAt.IsZero() && now.Sub(k.compactedAt) < compactEvery && !now.Before(k.compactedAt) {
		return nil
	}
	k.compactedAt = now
	before := c.Size()
	switch err := c.Compact(ctx); {
	case errors.Is(err, store.ErrCompacted):
		k.Log.Info("the database was not compacted: too much was written meanwhile")
		return nil
	case err != nil:
		return err
	}
	k.mu.Lock()
	k.stats.Shrank++
	k.mu.Unlock()
	k.Log.Info("the database was compacted", "bytes", c.Size().File, "before", before.File)
	return nil
}

// worthCompacting reports whether enough of a file is free.
func worthCompacting(s store.Size) bool { return s.Free >= freeBytes && s.Free >= s.File/freePart }

// updateStats updates the stats.
func (k *Keeper) updateStats() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stats.Events, k.stats.Size = k.ledger.total()
	k.seen = k.ledger.last
}
