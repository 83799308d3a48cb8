// Package retention bounds what the database keeps: it decides which events, installs,
// jobs and reports go, forgets them in small transactions, and has the file shrink.
package retention

import (
	"maps"
	"slices"
	"strings"

	"rackhand/provision/journal"
)

// A ledger knows what events there are, and what they cost: 16 bytes of memory each.
type ledger struct {
	groups map[string]*group
	// ids gives installs small numbers; 0 is none.
	ids  map[string]uint32
	last uint64 // the newest event
}

// A group is whose events share a bound: a host, all boxes that are in no inventory, or
// the appliance itself.
type group struct {
	events []entry // oldest first
	bytes  int64
}

type entry struct {
	seq     uint64
	size    uint32
	install uint32
}

// strangers is the group of all boxes that are in no inventory: their names, which are
// hardware addresses, are made up as easily as their packets. No host's name has a space.
const strangers = "no inventory"

func newLedger() *ledger { return &ledger{groups: map[string]*group{}, ids: map[string]uint32{"": 0}} }

func groupOf(host string) string {
	if strings.Contains(host, ":") {
		return strangers
	}
	return host
}

// add enters events that are newer than all before.
func (l *ledger) add(events []journal.Entry) {
	for _, e := range events {
		name := groupOf(e.Host)
		g := l.groups[name]
		if g == nil {
			g = &group{}
			l.groups[name] = g
		}
		id, ok := l.ids[e.Install]
		if !ok {
			id = uint32(len(l.ids))
			l.ids[e.Install] = id
		}
		g.events = append(g.events, entry{e.Seq, uint32(e.Size), id})
		g.bytes += int64(e.Size)
		l.last = e.Seq
	}
}

// total is how many events there are, and how many bytes they take.
func (l *ledger) total() (events int, bytes int64) {
	for _, g := range l.groups {
		events += len(g.events)
		bytes += g.bytes
	}
	return events, bytes
}

// Bounds are what may stay.
type Bounds struct {
	Events int    // of a group
	Bytes  int64  // of all groups
	Cut    uint64 // events up to this number are too old
	// Stay are the installs whose events stay in any case.
	Stay map[string]bool
}

// excess takes out of the ledger what goes by these bounds, and returns its numbers: the
// oldest first within each group. When all of them take too much, those who have most give
// way first, so that nobody who floods the journal pushes out the events of others. The
// newest event of all stays.
func (l *ledger) excess(b Bounds) []uint64 {
	stay := map[uint32]bool{}
	for install := range b.Stay {
		if id, ok := l.ids[install]; ok && install != "" {
			stay[id] = true
		}
	}
	keeps := func(e entry) bool { return stay[e.install] || e.seq == l.last }
	var out []uint64
	for _, name := range slices.Sorted(maps.Keys(l.groups)) {
		g := l.groups[name]
		out = g.shed(out, keeps, func(e entry, left int, _ int64) bool { return left > b.Events || e.seq <= b.Cut })
	}
	_, bytes := l.total()
	if bytes > b.Bytes {
		var sizes []int64
		for _, g := range l.groups {
			sizes = append(sizes, g.bytes)
		}
		most := level(sizes, b.Bytes)
		for _, name := range slices.Sorted(maps.Keys(l.groups)) {
			out = l.groups[name].shed(out, keeps, func(_ entry, _ int, bytes int64) bool { return bytes > most })
		}
	}
	maps.DeleteFunc(l.groups, func(_ string, g *group) bool { return len(g.events) == 0 })
	return out
}

// shed takes events out of a group, oldest first, for as long as goes says so, but for
// those that keeps says stay. left and bytes are what is in the group at that moment.
func (g *group) shed(out []uint64, keeps func(entry) bool, goes func(e entry, left int, bytes int64) bool) []uint64 {
	left, i := len(g.events), 0
	var kept []entry
	for ; i < len(g.events) && goes(g.events[i], left, g.bytes); i++ {
		e := g.events[i]
		if keeps(e) {
			kept = append(kept, e)
			continue
		}
		left--
		g.bytes -= int64(e.size)
		out = append(out, e.seq)
	}
	if left < len(g.events) {
		// A copy, lest the memory of what has gone stays.
		g.events = append(kept, g.events[i:]...)
	}
	return out
}

// level is how much each may have at most, so that all together have no more than total:
// those below it keep what they have.
func level(sizes []int64, total int64) int64 {
	slices.Sort(sizes)
	for i, s := range sizes {
		if share := total / int64(len(sizes)-i); s > share {
			return share
		}
		total -= s
	}
	if len(sizes) == 0 {
		return total
	}
	return sizes[len(sizes)-1]
}

// compactIDs forgets the names of installs of which no event is left.
func (l *ledger) compactIDs() {
	used := map[uint32]bool{0: true}
	for _, g := range l.groups {
		for _, e := range g.events {
			used[e.install] = true
		}
	}
	if len(used)*2 > len(l.ids) {
		return
	}
	fresh, renamed := map[string]uint32{"": 0}, map[uint32]uint32{0: 0}
	for name, id := range l.ids {
		if used[id] && id != 0 {
			renamed[id] = uint32(len(fresh))
			fresh[name] = renamed[id]
		}
	}
	for _, g := range l.groups {
		for i := range g.events {
			g.events[i].install = renamed[g.events[i].install]
		}
	}
	l.ids = fresh
}
