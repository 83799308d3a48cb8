package provision

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The shares of a Flood.
const (
	// FloodMost is how many events of one kind all strangers together can cause at once, and
	// within each minute after that.
	FloodMost = 60
	// FloodHost is the same number for one kind and one host of the inventory.
	FloodHost = 60
	// FloodUnclaimed is how many boxes outside the inventory can be reported at once: a whole
	// rack may be powered on before any box of it is claimed.
	FloodUnclaimed = 512
	// floodEvery is how long the same event is not repeated, and how often withheld events
	// are summed up.
	floodEvery = time.Minute
	// floodSources bounds the number of senders of one kind that are counted.
	floodSources = 1 << 13
)

// A Flood limits the events that packets from unknown senders cause. A limit for each sender
// would not help, since senders are easy to forge. So all strangers together have one share
// for each kind of event. Each host of the inventory has its own share for each kind, which
// strangers can't use up. Events beyond a share are counted, and summed up in one event a
// minute; a limit.Limiter withholds repetitions without a count. Its methods are safe for
// concurrent use.
type Flood struct {
	clock func() time.Time
	seed  maphash.Seed

	mu     sync.Mutex
	shares map[shareOf]*share
}

// A shareOf names a share: of a host, or with an empty one, of all strangers.
type shareOf struct{ kind, host string }

type share struct {
	bucket *rate.Limiter
	said   map[string]time.Time // when each key was let through; no more than the bucket has let through
	held   int
	from   map[uint64]struct{} // hashes of the keys that were held back
	since  time.Time           // when the first of them was
	used   time.Time
}

// NewFlood makes a Flood with a clock.
func NewFlood(clock func() time.Time) *Flood {
	return &Flood{clock: clock, seed: maphash.MakeSeed(), shares: map[shareOf]*share{}}
}

// burst is how many events a share allows at once. Within each minute after that it allows at
// most FloodMost.
func (of shareOf) burst() int {
	switch {
	case of.host != "":
		return FloodHost
	case of.kind == "dhcp unclaimed", of.kind == "dhcp observed", of.kind == "http waits", of.kind == "http wait-ended":
		return FloodUnclaimed
	}
	return FloodMost
}

// Allow reports whether an event may be recorded. kind is its source and kind. host is the
// host of the inventory that the event is about, "" for a stranger's. One event a minute is
// allowed for each key, and any number for an empty one.
func (f *Flood) Allow(kind, host, key string) bool {
	now := f.clock()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.share(shareOf{kind, host})
	s.used = now
	if t, ok := s.said[key]; ok && key != "" && now.Sub(t) < floodEvery && !now.Before(t) {
		return false // recorded already: a box that asks again is not a flood
	}
	if !s.bucket.AllowN(now, 1) {
		s.hold(now, maphash.String(f.seed, key))
		return false
	}
	if key != "" {
		maps.DeleteFunc(s.said, func(_ string, t time.Time) bool { return now.Sub(t) >= floodEvery || now.Before(t) })
		s.said[key] = now
	}
	return true
}

func (f *Flood) share(of shareOf) *share {
	s := f.shares[of]
	if s == nil {
		burst := of.burst()
		s = &share{
			bucket: rate.NewLimiter(rate.Every(floodEvery/time.Duration(min(burst, FloodMost))), burst),
			said:   map[string]time.Time{}, from: map[uint64]struct{}{},
		}
		f.shares[of] = s
	}
	return s
}

func (s *share) hold(now time.Time, sender uint64) {
	if s.held == 0 || now.Before(s.since) {
		s.since = now
	}
	s.held++
	if len(s.from) < floodSources {
		s.from[sender] = struct{}{}
	}
}

// Over returns the events that sum up withheld events, for each share that has withheld them
// for at least a minute. It removes unused shares.
func (f *Flood) Over() []Event {
	now := f.clock()
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Event
	for of, s := range f.shares {
		switch {
		case s.held > 0 && now.Sub(s.since) >= floodEvery:
			out = append(out, s.summary(of))
			s.held, s.from = 0, map[uint64]struct{}{}
		case s.held == 0 && now.Sub(s.used) >= 2*floodEvery:
			delete(f.shares, of)
		}
	}
	slices.SortFunc(out, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Fields["kind"], b.Fields["kind"]))
	})
	return out
}

func (s *share) summary(of shareOf) Event {
	source, kind, _ := strings.Cut(of.kind, " ")
	from := fmt.Sprint(len(s.from))
	if len(s.from) == floodSources {
		from = "more than " + from
	}
	e := Event{
		Host: of.host, Source: "appliance", Kind: "flood", Level: LevelWarn,
		Message: fmt.Sprintf("and %d more events %q of %s from %s senders, which are not recorded one by one: a machine floods the link, or forges senders", s.held, kind, source, from),
		Fields:  map[string]string{"source": source, "kind": kind, "more": fmt.Sprint(s.held), "senders": from},
	}
	if of.host != "" {
		e.Message = fmt.Sprintf("and %d more events %q of %s in the name of this host, which are not recorded one by one: one of its programs asks all the time, or another machine forges its address", s.held, kind, source)
	}
	return e
}

// Run records the sums of withheld events, once a minute, until ctx ends. It returns nil.
func (f *Flood) Run(ctx context.Context, r Recorder, log *slog.Logger) error {
	tick := time.NewTicker(floodEvery / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, e := range f.Over() {
			if err := r.Record(e); err != nil {
				log.Error("recording an event", "kind", e.Kind, "error", err)
			}
		}
	}
}
