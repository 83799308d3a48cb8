package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rackhand/provision"
	"rackhand/provision/store"
)

// clockKey holds the counted time as it was at the latest write.
const clockKey = "clock"

// saveEvery is how often the counted time is written when nothing else is.
const saveEvery = 30 * time.Second

// stepped is by how much the machine's clock has to move against counted time before
// the journal calls it a step. Clocks that are slewed drift by a second within hours.
const stepped = 2 * time.Second

// A stopwatch is counted time: it began at the machine's time when the state folder was
// new, and moves on only while the appliance runs, by the monotonic clock. So neither a
// step of the machine's clock nor a restart makes a box seem silent, an arming expired,
// or a lease ended.
type stopwatch struct {
	elapsed func() time.Duration // monotonic
	base    time.Time            // counted time when elapsed was from
	from    time.Duration
}

// elapsedBy is the monotonic time of a clock such as time.Now since this call.
func elapsedBy(clock func() time.Time) func() time.Duration {
	began := clock()
	return func() time.Duration { return clock().Sub(began) }
}

func (w stopwatch) now() time.Time { return w.base.Add(w.elapsed() - w.from) }

type clockRecord struct {
	Counted time.Time `json:"counted"`
}

// openStopwatch continues where the last appliance with this store stopped. Without one it
// begins at first.
func openStopwatch(ctx context.Context, s store.Store, elapsed func() time.Duration, first time.Time) (stopwatch, error) {
	w := stopwatch{elapsed: elapsed, from: elapsed(), base: first.UTC().Round(0)}
	r, err := s.Get(ctx, clockKey)
	if errors.Is(err, store.ErrNotFound) {
		return w, nil
	}
	var rec clockRecord
	if err == nil {
		err = json.Unmarshal(r.Value, &rec)
	}
	if err != nil {
		return w, fmt.Errorf("opening the journal: the counted time: %w", err)
	}
	w.base = rec.Counted
	return w, nil
}

// Counted is the time for silence, deadlines, budgets and expiries. It moves only while the
// appliance runs, and never jumps. It looks like a time of day but is not one. The times in
// an Install are counted times.
func (j *Journal) Counted() time.Time { return j.watch.now() }

// Shown is an install with times of day in place of counted times, for people and
// programs outside. Its durations stay what was counted.
func (j *Journal) Shown(in provision.Install) provision.Install {
	return in.Shown(j.clock().Sub(j.Counted()))
}

// stamp completes an event's two times.
func (v *view) stamp(e provision.Event) provision.Event {
	switch {
	case !e.Counted.IsZero():
	case e.Time.IsZero():
		e.Counted = v.counted
	default:
		// It was seen a moment ago. More than that is a clock that was set meanwhile.
		e.Counted = v.counted.Add(-min(max(v.now.Sub(e.Time), 0), time.Minute))
	}
	if e.Time.IsZero() {
		e.Time = e.Counted.Add(v.now.Sub(v.counted))
	}
	return e
}

// noticeStep records that the machine's clock was set, once it was, and returns how far
// it is from counted time now.
func (j *Journal) noticeStep(v *view) time.Duration {
	offset := v.now.Sub(v.counted)
	by := offset - j.offset
	if by.Abs() < stepped {
		return j.offset // so a slow drift is noticed, too
	}
	direction := "ahead"
	if by < 0 {
		direction = "back"
	}
	v.append(provision.Event{
		Source: "appliance", Kind: "clock-set", Level: provision.LevelWarn,
		Message: fmt.Sprintf("the machine's clock was set %s by %s; installs and leases go on by the time that the appliance has run", direction, provision.Span(by.Abs())),
	})
	return offset
}

// save writes the counted time, and what was noticed of the clock with it.
func (j *Journal) save() {
	j.commit(nil)
	value, err := json.Marshal(clockRecord{j.Counted()})
	if err == nil {
		_, err = j.store.Txn(context.Background(), nil, store.Op{Key: clockKey, Value: value})
	}
	if err != nil {
		j.log.Error("the counted time was not written: after a crash, the time since the last write is not counted", "error", err)
	}
}

// SeenHosts is Hosts for people: no host was last seen in the future, even if the clock
// was set back.
func (j *Journal) SeenHosts() map[string]Host {
	all := j.Hosts()
	now := j.clock()
	ahead := now.Sub(j.Counted())
	for name, h := range all {
		if h.Seen.After(now) && !h.Counted.IsZero() {
			h.Seen = h.Counted.Add(ahead)
			all[name] = h
		}
	}
	return all
}
