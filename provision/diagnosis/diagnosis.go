// Package diagnosis gathers from the journal and the inventory what package why needs, and
// keeps it while installs run: each event is read once.
package diagnosis

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/why"
)

// Bounds of what is kept in memory.
const (
	mostEvents = 400  // of one host: the first and the latest ones
	firstKept  = 100  // how many of them are the first ones
	mostLinks  = 200  // events without a host
	mostBehind = 4096 // events; a book that is further behind begins again
	// learnEvery is how long times that were learned from past installs are used.
	learnEvery = 10 * time.Minute
)

// A Book keeps the events of the hosts whose install is under way or failed. Its methods are
// safe for concurrent use.
type Book struct {
	journal *journal.Journal

	mu      sync.Mutex
	read    uint64 // the number of the latest event that was read
	events  map[string]*hostEvents
	links   []provision.Event
	history why.History
	learned time.Time // counted time
}

// hostEvents are the kept events of one install or job.
type hostEvents struct {
	install string
	events  []provision.Event
	ended   endedAnswer
}

// An endedAnswer is the diagnosis of an install that has ended, as of an inventory. It changes
// no more, so it is made once, until another event comes.
type endedAnswer struct {
	snap  *inventory.Snapshot
	stuck *provision.Stuck
}

// New makes a book of a journal.
func New(j *journal.Journal) *Book {
	return &Book{journal: j, events: map[string]*hostEvents{}}
}

// A Diagnosis is what is known of all hosts that are stuck or failed.
type Diagnosis struct {
	Stuck  map[string]*provision.Stuck // by host; times of day
	Places map[string]provision.Stage  // of hosts that aren't at their install's stage
	Links  []provision.LinkStuck
}

// Diagnose diagnoses all hosts of an inventory. now is the time of day.
func (b *Book) Diagnose(ctx context.Context, snap *inventory.Snapshot, now time.Time) (Diagnosis, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	counted := b.journal.Counted()
	cases := b.cases(snap)
	if err := b.catchUp(ctx, cases); err != nil {
		return Diagnosis{}, fmt.Errorf("diagnose the installs: %w", err)
	}
	if err := b.learn(ctx, snap, counted); err != nil {
		return Diagnosis{}, fmt.Errorf("learn from past installs: %w", err)
	}
	ahead := now.Sub(counted)
	d := Diagnosis{Stuck: map[string]*provision.Stuck{}, Places: map[string]provision.Stage{}}
	var boxes []why.Box
	for _, host := range slices.Sorted(maps.Keys(cases)) {
		c, kept := cases[host], b.events[host]
		if c.Install.Stage.Ended() && kept.ended.snap == snap {
			if kept.ended.stuck != nil {
				d.Stuck[host] = kept.ended.stuck.Shown(c.Install.Offset)
			}
			continue
		}
		c.Events, c.Links = kept.events, b.links
		c.Times = b.history.For(host, c.Install.System, roleOf(snap, host))
		stuck := guarded(counted, func() *provision.Stuck {
			place, stuck := why.Look(c, counted)
			if c.Install.UnderWay() && place != c.Install.Stage {
				d.Places[host] = place
			}
			return stuck
		})
		if c.Install.Stage.Ended() {
			kept.ended = endedAnswer{snap, stuck}
		}
		if stuck == nil {
			if c.Install.UnderWay() {
				boxes = append(boxes, why.Box{Host: host, Place: cmp.Or(d.Places[host], c.Install.Stage), Links: why.LinksOf(c)})
			}
			continue
		}
		if c.Install.Stage.Ended() {
			d.Stuck[host] = stuck.Shown(c.Install.Offset)
			continue
		}
		d.Stuck[host] = stuck
		boxes = append(boxes, why.Box{Host: host, Stuck: stuck, Links: why.LinksOf(c)})
	}
	links, shared := why.Together(boxes)
	for host, s := range d.Stuck {
		if cases[host].Install.Stage.Ended() {
			continue
		}
		if of := shared[host]; of != nil {
			s = of
		}
		d.Stuck[host] = s.Shown(ahead)
	}
	for i := range links {
		links[i].Stuck = links[i].Stuck.Shown(ahead)
	}
	d.Links = links
	return d, nil
}

// guarded diagnoses one host. Events quote what boxes say, so a fault in a rule must not end the
// appliance, nor hide the other hosts.
func guarded(now time.Time, diagnose func() *provision.Stuck) (out *provision.Stuck) {
	defer func() {
		if p := recover(); p != nil {
			out = &provision.Stuck{
				Rule: "fault", Since: now,
				Causes: []provision.Cause{{Text: fmt.Sprintf("The diagnosis of this host failed: %v.", p)}},
				Remedy: provision.Remedy{Text: "Look at the host's events, and report this as a fault of rackhand."},
			}
		}
	}()
	return diagnose()
}

// cases are the installs and jobs to diagnose: those under way, and installs that failed.
func (b *Book) cases(snap *inventory.Snapshot) map[string]why.Case {
	out := map[string]why.Case{}
	take := func(in provision.Install) {
		if h := snap.Hosts[in.Host]; h != nil {
			out[in.Host] = why.Case{Host: h, Install: in}
		}
	}
	for _, in := range b.journal.Installs() {
		if in.UnderWay() || in.Stage == provision.Failed {
			take(in)
		}
	}
	for _, job := range b.journal.Jobs() {
		if job.UnderWay() {
			take(job)
		}
	}
	return out
}

// catchUp reads the events since the last call, and all events of installs that are new.
func (b *Book) catchUp(ctx context.Context, cases map[string]why.Case) error {
	for host, e := range b.events {
		if c, ok := cases[host]; !ok || c.Install.ID != e.install {
			delete(b.events, host)
		}
	}
	seq, from := b.journal.Seq(), b.read
	if from == 0 || seq > from+mostBehind {
		clear(b.events) // only the events without a host are read from here on
		from = seq - min(seq, mostBehind)
	}
	if err := b.follow(ctx, from, seq); err != nil {
		return err
	}
	for host, c := range cases {
		if b.events[host] != nil {
			continue
		}
		events, err := b.journal.Events(ctx, host, mostEvents)
		if err != nil {
			return err
		}
		kept := &hostEvents{install: c.Install.ID}
		for _, e := range events {
			if e.Seq <= seq {
				kept.add(e)
			}
		}
		b.events[host] = kept
	}
	return nil
}

// follow reads the events after a number, up to another.
func (b *Book) follow(ctx context.Context, after, to uint64) error {
	for after < to {
		events, err := b.journal.After(ctx, after, 512)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Seq > to {
				break
			}
			if kept := b.events[e.Host]; kept != nil {
				kept.add(e)
			}
			if e.Host == "" {
				b.links = append(b.links, e)
			}
			after = e.Seq
		}
		if len(events) < 512 {
			break
		}
	}
	if n := len(b.links); n > mostLinks {
		b.links = slices.Clone(b.links[n-mostLinks:])
	}
	b.read = to
	return nil
}

// add adds an event. Of a run of progress events only the latest stays.
func (h *hostEvents) add(e provision.Event) {
	h.ended = endedAnswer{}
	if n := len(h.events); n > 0 && e.Kind == provision.KindProgress && h.events[n-1].Kind == provision.KindProgress && e.Stage == "" {
		h.events[n-1] = e
		return
	}
	h.events = append(h.events, e)
	if len(h.events) > mostEvents {
		h.events = slices.Delete(h.events, firstKept, firstKept+mostEvents/8)
	}
}

// learn reads how long past installs took, now and then.
func (b *Book) learn(ctx context.Context, snap *inventory.Snapshot, now time.Time) error {
	if !b.learned.IsZero() && now.Sub(b.learned) < learnEvery {
		return nil
	}
	past, err := b.journal.Past(ctx)
	if err != nil {
		return err
	}
	installs := make([]provision.Install, 0, len(past))
	for _, p := range past {
		installs = append(installs, p.Install)
	}
	b.history = why.Learn(installs, func(host string) string { return roleOf(snap, host) })
	b.learned = now
	return nil
}

func roleOf(snap *inventory.Snapshot, host string) string {
	if h := snap.Hosts[host]; h != nil {
		return h.Role()
	}
	return ""
}
