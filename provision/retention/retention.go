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

// How often it is looked at: events each minute, for a flood fills the file within a few;
// all else each hour.
const (
	passEvery = time.Minute
	pastEvery = time.Hour
	page      = 500 // events read at once
)

// share is how much of the file events may take, in eighths: pages are not quite full,
// reports, installs and leases lie beside them, and up to a quarter may be free.
const share = 5

// When the file is compacted: when so much of it, in bytes, and so large a part is room
// that nothing uses, and not more often than this.
const (
	freeBytes    = 8 << 20
	freePart     = 4
	compactEvery = 10 * time.Minute
)

// Options are what a Keeper works with.
type Options struct {
	Journal *journal.Journal
	Store   store.Store
	Keep    config.Keep
	// Known reports whether the inventory has a host; false also while it isn't known.
	Known func(host string) bool
	// Loaded reports whether there is an inventory; before that, no host is taken for one
	// that has gone.
	Loaded func() bool
	// RetainLogs removes the installers' logs of installs that it isn't told to keep.
	RetainLogs func(keep func(install string) bool) error
	// TrimReports forgets the reports of agents that have become too old; nil: none are kept.
	TrimReports func(ctx context.Context) error
	Log         *slog.Logger
}

// A Keeper keeps the database within its bounds.
type Keeper struct {
	Options
	ledger   *ledger
	days     days
	stay     map[string]bool
	pastAt   time.Time // when the installs were looked at
	shrankAt time.Time

	mu    sync.Mutex
	stats Stats
	seen  uint64 // the newest event that stats.Events counts
}

// Stats are what the database holds and what was pruned of it.
type Stats struct {
	Bytes  int64 `json:"bytes"`  // of the file
	Free   int64 `json:"free"`   // of these, room that nothing uses
	Events int   `json:"events"` // that are kept
	Size   int64 `json:"size"`   // bytes that they take, about
	// Pruned is how many events were forgotten since the appliance started, and Shrank how
	// often the file was.
	Pruned int `json:"pruned"`
	Shrank int `json:"shrank"`
}

// String is one line for a person.
func (s Stats) String() string {
	text := fmt.Sprintf("%.1f MiB, %d events", float64(s.Bytes)/(1<<20), s.Events)
	if s.Pruned > 0 {
		text += fmt.Sprintf("; %d were pruned since the appliance started", s.Pruned)
	}
	return text
}

// New makes a Keeper; Run starts it.
func New(o Options) *Keeper { return &Keeper{Options: o, ledger: newLedger()} }

// Stats returns the sizes of now. What events weigh is as of the last pass.
func (k *Keeper) Stats() Stats {
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

// Run makes a pass each minute until ctx ends. What fails is said, and tried again.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(passEvery)
	defer tick.Stop()
	for {
		if err := k.Pass(ctx); err != nil && ctx.Err() == nil {
			k.Log.Error("the database is not pruned: it is tried again in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pass takes in what was recorded since the last one, and forgets what is too much. It
// must not be called twice at once.
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
	if k.stay == nil || now.Sub(k.pastAt) >= pastEvery || now.Before(k.pastAt) {
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
		err = k.shrink(ctx, now)
	}
	k.look()
	return err
}

// read takes in the events that are new.
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

// forget forgets the events that are too many, too old, or too large.
func (k *Keeper) forget(ctx context.Context, cut uint64) (pruned int, err error) {
	seqs := k.ledger.excess(Bounds{Events: k.Keep.Events, Bytes: k.Keep.Size * share / 8, Cut: cut, Stay: k.staying()})
	for len(seqs) > 0 {
		n := min(len(seqs), journal.ForgetAtOnce)
		if err := k.Journal.Forget(ctx, seqs[:n]); err != nil {
			k.ledger = newLedger() // it is read anew: what it says has gone may not have
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

// staying are the installs whose events stay: those of the last look, and whatever has
// begun or ended since.
func (k *Keeper) staying() map[string]bool {
	for _, all := range []map[string]provision.Install{k.Journal.Installs(), k.Journal.Jobs()} {
		for _, in := range all {
			k.stay[in.ID] = true
		}
	}
	return k.stay
}

// past forgets installs and jobs, with what is kept of them elsewhere, and what is left of
// hosts that have gone.
func (k *Keeper) past(ctx context.Context, now time.Time) error {
	all, err := k.Journal.Past(ctx)
	if err != nil {
		return err
	}
	age := time.Duration(k.Keep.Days) * 24 * time.Hour
	gone, stay := sort(all, now, age)
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
	k.stay = stay
	// What has begun since is asked for at the last moment.
	known := func(install string) bool { return left[install] || k.latest(install) }
	if err := k.leftovers(ctx, known, now, age); err != nil {
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

// shrink compacts the file when it is worth it.
func (k *Keeper) shrink(ctx context.Context, now time.Time) error {
	c, ok := k.Store.(store.Compacter)
	if !ok || !worth(c.Size()) || !k.shrankAt.IsZero() && now.Sub(k.shrankAt) < compactEvery && !now.Before(k.shrankAt) {
		return nil
	}
	k.shrankAt = now
	before := c.Size()
	switch err := c.Compact(ctx); {
	case errors.Is(err, store.ErrCompacted):
		k.Log.Info("the database is not compacted now: too much is written meanwhile")
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

// worth reports whether a file is to be compacted.
func worth(s store.Size) bool { return s.Free >= freeBytes && s.Free >= s.File/freePart }

// look brings the stats up to date.
func (k *Keeper) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stats.Events, k.stats.Size = k.ledger.total()
	k.seen = k.ledger.last
}
