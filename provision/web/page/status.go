package page

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rackhand/provision"
)

// A status is all hosts at one moment, worst first. It is never changed.
type status struct {
	seq   uint64 // it includes every event up to this one
	hosts []provision.HostStatus
	at    time.Time // when it was read, monotonic
	// stands has how each host stands, with its cause: what changes without an event too.
	stands map[string]string
}

// latest is the last status that was read, shared by all pages and streams.
type latest struct {
	mu sync.Mutex
	st *status
}

// status returns all hosts. They are read again when there is a newer event, and after
// sharedFor.
func (h *Handler) status(ctx context.Context) (*status, error) {
	h.latest.mu.Lock()
	defer h.latest.mu.Unlock()
	seq, err := h.newest(ctx) // before the hosts: an event in between is sent twice, not lost
	if err != nil {
		return nil, fmt.Errorf("the newest event: %w", err)
	}
	if st := h.latest.st; st != nil && st.seq == seq && h.pages.now().Sub(st.at) < sharedFor {
		return st, nil
	}
	hosts, err := h.Source.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	now := h.Clock()
	hosts = slices.Clone(hosts)
	provision.SortHosts(hosts, now)
	st := &status{seq: seq, hosts: hosts, at: h.pages.now(), stands: make(map[string]string, len(hosts))}
	for _, hs := range hosts {
		text := string(hs.Standing(now)) + string(hs.Place)
		if s := hs.Stuck; s != nil {
			text += "\n" + s.Rule + "\n" + s.Cause() + "\n" + s.Remedy.String()
		}
		st.stands[hs.Host] = text
	}
	h.latest.st = st
	return st, nil
}

// moved are the hosts that stand otherwise than before, or are new.
func (st *status) moved(before *status) (hosts []string) {
	if before == st {
		return nil
	}
	for _, hs := range st.hosts {
		if st.stands[hs.Host] != before.stands[hs.Host] {
			hosts = append(hosts, hs.Host)
		}
	}
	return hosts
}
