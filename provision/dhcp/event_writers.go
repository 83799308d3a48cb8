package dhcp

import (
	"hash/fnv"

	"golang.org/x/sync/errgroup"

	"rackhand/provision"
)

// How many events may be on their way to the disk: those written at once, which share
// syncs, and those that wait for each writer.
const (
	eventWriters  = 16
	eventQueueLen = 64
)

// record stores an event. While the server runs, it returns before the event is on disk, so
// that a client waits for one sync only, that of its lease. Events of one host stay in
// order. No event is dropped: record blocks when the disk is too slow.
func (s *Server) record(e provision.Event) {
	e.Source, e.Counted = "dhcp", s.Clock()
	if s.eventWriters == nil {
		s.keep(e)
		return
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(e.Host))
	s.eventWriters[h.Sum32()%eventWriters] <- e
}

func (s *Server) keep(e provision.Event) {
	if err := s.Record.Record(e); err != nil {
		s.Log.Error("dhcp: event not kept", "host", e.Host, "kind", e.Kind, "error", err)
	}
}

// startEventWriters makes record asynchronous. The returned function ends that and waits
// until all events are on disk. Call it when record is no longer called.
func (s *Server) startEventWriters() (stop func()) {
	var group errgroup.Group
	s.eventWriters = make([]chan provision.Event, eventWriters)
	for i := range s.eventWriters {
		events := make(chan provision.Event, eventQueueLen)
		s.eventWriters[i] = events
		group.Go(func() error {
			for e := range events {
				s.keep(e)
			}
			return nil
		})
	}
	return func() {
		for _, events := range s.eventWriters {
			close(events)
		}
		_ = group.Wait() // no writer returns an error
		s.eventWriters = nil
	}
}
