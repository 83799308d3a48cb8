package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision"
	"rackhand/provision/store"
)

// Events returns the last events, oldest first: of one host, or of all when host
// is empty. limit 0 means all.
func (j *Journal) Events(ctx context.Context, host string, limit int) ([]provision.Event, error) {
	prefix := eventPrefix
	if host != "" {
		prefix = indexPrefix + host + "/"
	}
	records, err := j.store.Range(ctx, prefix, prefixEnd(prefix), limit, true)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	events := make([]provision.Event, 0, len(records))
	for _, r := range slices.Backward(records) {
		if host != "" {
			key := eventPrefix + strings.TrimPrefix(r.Key, prefix)
			r, err = j.store.Get(ctx, key)
			if errors.Is(err, store.ErrNotFound) {
				continue // forgotten in this moment
			}
			if err != nil {
				return nil, fmt.Errorf("reading the journal: %s: %w", key, err)
			}
		}
		var e provision.Event
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return nil, fmt.Errorf("reading the journal: %s: %w", r.Key, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// Subscribe sends every event after number after, in order and without a gap,
// until ctx ends; then it closes the channel. A slow reader slows nothing down: events
// that it hasn't read stay in the store.
func (j *Journal) Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error) {
	out := make(chan provision.Event)
	go func() {
		defer close(out)
		for {
			j.mu.RLock()
			changed, seq := j.changed, j.state.seq
			j.mu.RUnlock()
			for after < seq {
				records, err := j.store.Range(ctx, eventKey(after+1), prefixEnd(eventPrefix), 256, false)
				if err != nil || len(records) == 0 {
					if ctx.Err() == nil {
						j.log.Error("reading events for a subscriber", "error", err, "after", after)
					}
					return
				}
				for _, r := range records {
					var e provision.Event
					if err := json.Unmarshal(r.Value, &e); err != nil {
						j.log.Error("an event in the journal is damaged", "key", r.Key, "error", err)
						return
					}
					select {
					case out <- e:
						after = e.Seq
					case <-ctx.Done():
						return
					}
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			case <-j.done:
				return
			}
		}
	}()
	return out, nil
}
