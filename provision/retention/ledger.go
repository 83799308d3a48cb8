// Package retention bounds the database: it decides which events, installs, jobs and
// reports to delete, deletes them in small transactions, and compacts the file.
package retention

import (
	"maps"
	"slices"
	"strings"

	"rackhand/provision/journal"
)

// A ledger records which events exist, and their sizes: 16 bytes of memory each.
type ledger struct {
	groups map[string]*group
	// ids maps installs to small numbers from 1 on.
	ids  map[string]uint32
	last uint64 // the newest event
}

// A group is a set of events with a common bound: those of a host, of all boxes outside the
// inventory, or of the appliance itself.
type group struct {
	events []entry // oldest first
	bytes  int64
}

type entry struct {
	seq     uint64
	size    uint32
	install uint32
}

// unknownBoxes is the group of all boxes outside the inventory. Their names are hardware
// addresses, which a sender can invent. No host's name has a space.
const unknownBoxes = "no inventory"

func newLedger() *ledger { return &ledger{groups: map[string]*group{}, ids: map[string]uint32{"": 0}} }

func groupOf(host string) string {
	if strings.Contains(host, ":") {
		return unknownBoxes
	}
	return host
}

// add adds events, which must be newer than all before.
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

// total is the number of events, and their size in bytes.
func (l *ledger) total() (events int, bytes int64) {
	for _, g := range l.groups {
		events += len(g.events)
		bytes += g.bytes
	}
	return events, bytes
}

// Bounds limit the events.
type Bounds struct {
	Events int    // of each group
	Bytes  int64  // of all groups together
	Cut    uint64 // events up to this number are too old
	// Protect are the installs whose events are always kept.
	Protect map[string]bool
}

// excess removes the events beyond the bounds from the ledger, and returns their numbers:
// the oldest first within each group. When all groups together are too large, the largest
// ones shrink first, so that a host that floods the journal doesn't push out the events of
// others. The newest event of all is kept.
func (l *ledger) excess(b Bounds) []uint64 {
	stay := map[uint32]bool{}
	for install := range b.Protect {
		if id, ok := l.ids[install]; ok && install != "" {
			stay[id] = true
		}
	}
	keeps := func(e entry) bool { return stay[e.install] || e.seq == l.last }
	var out []uint64
	for _, name := range slices.Sorted(maps.Keys(l.groups)) {
		g := l.groups[name]
		out = g.prune(out, keeps, func(e entry, left int, _ int64) bool { return left > b.Events || e.seq <= b.Cut })
	}
	_, bytes := l.total()
	if bytes > b.Bytes {
		var sizes []int64
		for _, g := range l.groups {
			sizes = append(sizes, g.bytes)
		}
		most := fairShare(sizes, b.Bytes)
		for _, name := range slices.Sorted(maps.Keys(l.groups)) {
			out = l.groups[name].prune(out, keeps, func(_ entry, _ int, bytes int64) bool { return bytes > most })
		}
	}
	maps.DeleteFunc(l.groups, func(_ string, g *group) bool { return len(g.events) == 0 })
	return out
}

// prune removes events from a group, oldest first, while goes returns true, except those
// for which keeps does. left and bytes are the present content of the group.
func (g *group) prune(out []uint64, keeps func(entry) bool, goes func(e entry, left int, bytes int64) bool) []uint64 {
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
		// A copy frees the memory of the removed events.
		g.events = append(kept, g.events[i:]...)
	}
	return out
}

// fairShare is the most that each may have so that all together have no more than total.
// Those below it keep their size.
func fairShare(sizes []int64, total int64) int64 {
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

// compactIDs removes the names of installs without events.
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
