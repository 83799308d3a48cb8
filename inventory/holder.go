package inventory

import (
	"sync"
	"sync/atomic"
)

// A Holder keeps the last good snapshot, and what the last load had to say. Its
// zero value holds nothing. Many may read while one puts.
type Holder struct {
	state atomic.Pointer[held]
	put   sync.Mutex
}

// held is swapped whole, so that readers see a snapshot with its own problems.
type held struct {
	snapshot *Snapshot
	problems Problems
	changed  []Change
}

// Put takes the outcome of a load. A good snapshot replaces the last one, and
// what changed in its networks and hosts is returned; problems leave the last
// good one where it is.
func (h *Holder) Put(s *Snapshot, problems Problems) []Change {
	h.put.Lock()
	defer h.put.Unlock()
	next := held{snapshot: s, problems: problems}
	if old := h.state.Load(); s == nil || len(problems) > 0 {
		next.snapshot = nil
		if old != nil {
			next.snapshot, next.changed = old.snapshot, old.changed
		}
		h.state.Store(&next)
		return nil
	}
	next.changed = Diff(h.Current(), s)
	h.state.Store(&next)
	return next.changed
}

// Current is the last good snapshot; nil before the first one.
func (h *Holder) Current() *Snapshot {
	if held := h.state.Load(); held != nil {
		return held.snapshot
	}
	return nil
}

// Problems are those of the last load; none when it was good.
func (h *Holder) Problems() Problems {
	if held := h.state.Load(); held != nil {
		return held.problems
	}
	return nil
}

// Changed returns the last good load's changes to networks and hosts.
func (h *Holder) Changed() []Change {
	if held := h.state.Load(); held != nil {
		return held.changed
	}
	return nil
}
