package page

import (
	"cmp"
	"slices"
	"time"

	"rackhand/provision"
)

// eventLimit is how many events a page shows.
const eventLimit = 200

// An eventList are the events on a page, newest first.
type eventList struct {
	List    []eventView
	Limit   int    // this many are shown, and there may be older ones; 0: these are all
	Removed bool   // older ones were removed from the journal
	Next    string // the command that lets events come, if there are none; "" for none
}

// viewEvents makes the list of a host's events, oldest first.
func viewEvents(events []provision.Event, more bool, now time.Time) eventList {
	var l eventList
	if more {
		l.Limit = eventLimit
	}
	for _, e := range slices.Backward(events) {
		l.List = append(l.List, viewEvent(e, now))
	}
	return l
}

// viewEventsOf makes the list of the events of one install, which begin with its request.
func viewEventsOf(events []provision.Event, now time.Time) eventList {
	l := viewEvents(events, len(events) >= eventLimit, now)
	l.Removed = l.Limit == 0 && (len(events) == 0 || events[0].Stage != provision.Requested)
	return l
}

// missing are the numbers of the events that show a diagnosis and are not among events.
func missing(s *provision.Stuck, events []provision.Event) []uint64 {
	if s == nil {
		return nil
	}
	var out []uint64
	want := s.Evidence[:min(len(s.Evidence), maxEvidence)]
	if s.Last != nil {
		want = append(slices.Clone(want), s.Last.Seq)
	}
	for _, seq := range want {
		if !slices.Contains(out, seq) && !slices.ContainsFunc(events, func(e provision.Event) bool { return e.Seq == seq }) {
			out = append(out, seq)
		}
	}
	return out
}

// withEvidence adds further events to those of a page, in their order.
func withEvidence(events, more []provision.Event) []provision.Event {
	if len(more) == 0 {
		return events
	}
	all := append(slices.Clone(events), more...)
	slices.SortFunc(all, func(a, b provision.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}
