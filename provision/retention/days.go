package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"rackhand/provision/store"
)

// dayPrefix is the prefix of the days: day/2026-11-30 has the number of the last event
// before that day began.
const dayPrefix = "day/"

// days record the age of events, in days of counted time. So a date of a wrong clock makes
// no event old.
type days map[string]uint64

type dayRecord struct {
	Seq uint64 `json:"seq"`
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func loadDays(ctx context.Context, s store.Store) (days, error) {
	records, _, err := s.List(ctx, dayPrefix)
	if err != nil {
		return nil, fmt.Errorf("reading the days of the journal: %w", err)
	}
	d := days{}
	for _, r := range records {
		var rec dayRecord
		if err := json.Unmarshal(r.Value, &rec); err != nil {
			return nil, fmt.Errorf("reading the days of the journal: %s: %w", r.Key, err)
		}
		d[r.Key[len(dayPrefix):]] = rec.Seq
	}
	return d, nil
}

// cut returns the last event that is older than so many days, 0 for none, and the days that
// are no longer needed.
func (d days) cut(now time.Time, age int) (seq uint64, done []string) {
	first := dayOf(now.AddDate(0, 0, -age))
	names := slices.Sorted(maps.Keys(d))
	for i, name := range names {
		if name > first {
			break
		}
		seq, done = d[name], names[:i]
	}
	return seq, done
}

// begin records the start of a day once it has begun, and deletes the days in done.
func (d days) begin(ctx context.Context, s store.Store, now time.Time, last uint64, done []string) error {
	var ops []store.Op
	for _, name := range done[:min(len(done), store.MaxOps/2)] {
		ops = append(ops, store.Op{Key: dayPrefix + name, Delete: true})
	}
	today := dayOf(now)
	_, begun := d[today]
	if !begun {
		value, err := json.Marshal(dayRecord{last})
		if err != nil {
			return err
		}
		ops = append(ops, store.Op{Key: dayPrefix + today, Value: value})
	}
	if len(ops) == 0 {
		return nil
	}
	if _, err := s.Txn(ctx, nil, ops...); err != nil {
		return fmt.Errorf("writing the days of the journal: %w", err)
	}
	for _, op := range ops {
		if op.Delete {
			delete(d, op.Key[len(dayPrefix):])
		}
	}
	if !begun {
		d[today] = last
	}
	return nil
}
