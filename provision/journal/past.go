package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/store"
)

// History returns the installs on record of a host, the latest first. The latest one may be
// under way.
func (j *Journal) History(ctx context.Context, host string) ([]provision.Install, error) {
	return j.history(ctx, installPrefix+host+"/")
}

// JobHistory returns the jobs on record of a host, the latest first.
func (j *Journal) JobHistory(ctx context.Context, host string) ([]provision.Install, error) {
	return j.history(ctx, jobPrefix+host+"/")
}

func (j *Journal) history(ctx context.Context, prefix string) ([]provision.Install, error) {
	out, err := read[provision.Install](ctx, j.store, prefix, prefixEnd(prefix), 0, true)
	if err != nil {
		return nil, fmt.Errorf("reading the installs: %w", err)
	}
	return out, nil
}

// After returns at most limit events after a number, oldest first.
func (j *Journal) After(ctx context.Context, seq uint64, limit int) ([]provision.Event, error) {
	out, err := read[provision.Event](ctx, j.store, eventKey(seq+1), prefixEnd(eventPrefix), limit, false)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return out, nil
}

// read returns the values of the records from one key up to another; see store.Store.Range.
func read[T any](ctx context.Context, s store.Store, from, to string, limit int, latestFirst bool) ([]T, error) {
	records, err := s.Range(ctx, from, to, limit, latestFirst)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Value, &out[i]); err != nil {
			return nil, fmt.Errorf("record %s: %w", r.Key, err)
		}
	}
	return out, nil
}

// Numbered returns the events with these numbers, without those that were pruned.
func (j *Journal) Numbered(ctx context.Context, seqs []uint64) ([]provision.Event, error) {
	out := make([]provision.Event, 0, len(seqs))
	for _, seq := range seqs {
		e, err := j.event(ctx, eventKey(seq))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

const (
	// pastPage is how many events EventsOf reads at once.
	pastPage = 256
	// seenEarlier is how long before an install was requested an event of it may have been
	// seen: see stamp.
	seenEarlier = time.Minute
)

// EventsOf returns the last events of an install or job, oldest first, at most limit of them,
// without those that were pruned.
func (j *Journal) EventsOf(ctx context.Context, in provision.Install, limit int) ([]provision.Event, error) {
	prefix := indexPrefix + in.Host + "/"
	var out []provision.Event
	for end := prefixEnd(prefix); ; {
		records, err := j.store.Range(ctx, prefix, end, pastPage, true)
		if err != nil {
			return nil, fmt.Errorf("reading the journal: %w", err)
		}
		for _, r := range records {
			e, err := j.event(ctx, eventPrefix+strings.TrimPrefix(r.Key, prefix))
			if errors.Is(err, store.ErrNotFound) {
				continue // pruned in this moment
			}
			if err != nil {
				return nil, err
			}
			if e.Install == in.ID {
				out = append(out, e)
			}
			before := !e.Counted.IsZero() && e.Counted.Before(in.Requested.Add(-seenEarlier))
			if before || len(out) == limit {
				slices.Reverse(out)
				return out, nil
			}
		}
		if len(records) < pastPage {
			slices.Reverse(out)
			return out, nil
		}
		end = records[len(records)-1].Key
	}
}

// event reads an event; store.ErrNotFound if it was pruned.
func (j *Journal) event(ctx context.Context, key string) (e provision.Event, err error) {
	r, err := j.store.Get(ctx, key)
	if err == nil {
		err = json.Unmarshal(r.Value, &e)
	}
	if err != nil {
		return e, fmt.Errorf("reading the journal: %s: %w", key, err)
	}
	return e, nil
}
