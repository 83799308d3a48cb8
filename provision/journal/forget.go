package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rackhand/provision"
	"rackhand/provision/store"
)

// provision/retention decides what may be forgotten. This file knows the records of it.

// ForgetAtOnce is the number of events, or installs, that one transaction forgets.
// Transactions stay small so that others need not wait for them.
const ForgetAtOnce = 32

// An Entry holds an event's size and the host and install that it belongs to.
type Entry struct {
	Seq           uint64
	Host, Install string
	Size          int // bytes that it takes in the store, about
}

// The store's overhead for an event: its key, revision and place in a page, twice because
// of its host's index. A large event has pages of its own.
const (
	overhead = 120
	page     = 4096
)

func cost(value int, host string) int {
	n := value + len(host) + overhead
	if n > page/2 {
		n = (n + page - 1) / page * page
	}
	return n
}

// Entries lists at most limit events after number after, oldest first.
func (j *Journal) Entries(ctx context.Context, after uint64, limit int) ([]Entry, error) {
	records, err := j.store.Range(ctx, eventKey(after+1), prefixEnd(eventPrefix), limit, false)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	out := make([]Entry, len(records))
	for i, r := range records {
		var e struct {
			Seq           uint64
			Host, Install string
		}
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return nil, fmt.Errorf("reading the journal: %s: %w", r.Key, err)
		}
		out[i] = Entry{e.Seq, e.Host, e.Install, cost(len(r.Value), e.Host)}
	}
	return out, nil
}

// Forget deletes events, at most ForgetAtOnce of them, in one transaction. The newest
// event of all must not be among them: it bears the number that the next one follows.
func (j *Journal) Forget(ctx context.Context, seqs []uint64) error {
	var ops []store.Op
	for _, seq := range seqs {
		key := eventKey(seq)
		r, err := j.store.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		var e struct{ Host string }
		if err == nil {
			err = json.Unmarshal(r.Value, &e)
		}
		if err != nil {
			return fmt.Errorf("forgetting an event: %s: %w", key, err)
		}
		ops = append(ops, store.Op{Key: key, Delete: true})
		if e.Host != "" {
			ops = append(ops, store.Op{Key: indexKey(e.Host, seq), Delete: true})
		}
	}
	if len(ops) == 0 {
		return nil
	}
	if _, err := j.store.Txn(ctx, nil, ops...); err != nil {
		return fmt.Errorf("forgetting events: %w", err)
	}
	return nil
}

// A Past is an install or job that is on record.
type Past struct {
	provision.Install
	key string
}

// Past lists every install and job on record, those of a host in their order, and jobs
// after installs.
func (j *Journal) Past(ctx context.Context) ([]Past, error) {
	var out []Past
	for _, prefix := range []string{installPrefix, jobPrefix} {
		records, _, err := j.store.List(ctx, prefix)
		if err != nil {
			return nil, fmt.Errorf("reading the installs: %w", err)
		}
		for _, r := range records {
			p := Past{key: r.Key}
			if err := json.Unmarshal(r.Value, &p.Install); err != nil {
				return nil, fmt.Errorf("reading the installs: %s: %w", r.Key, err)
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// ForgetPast deletes the records of installs and jobs, at most ForgetAtOnce of them. The
// latest of a host must not be among them.
func (j *Journal) ForgetPast(ctx context.Context, past []Past) error {
	var ops []store.Op
	for _, p := range past {
		ops = append(ops, store.Op{Key: p.key, Delete: true})
	}
	if _, err := j.store.Txn(ctx, nil, ops...); err != nil {
		return fmt.Errorf("forgetting installs: %w", err)
	}
	return nil
}
