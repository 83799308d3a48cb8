package provision

import (
	"maps"
	"time"
)

// counted is the counted time of an event; its Time if it has none.
func (e Event) counted() time.Time {
	if e.Counted.IsZero() {
		return e.Time
	}
	return e.Counted
}

// Shown returns the install with times of day in place of counted times. Durations stay as
// they were counted. now is how far the machine's clock is ahead of counted time now, which
// applies to an install under way. For one that has ended, the difference at its end applies.
func (in Install) Shown(now time.Duration) Install {
	if in.Stage.Ended() {
		now = in.Offset
	}
	shift := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(now)
		}
	}
	for _, t := range []*time.Time{&in.Requested, &in.PoweredOn, &in.Ended, &in.Expires, &in.InstallerHeard, &in.Heard, &in.Booted} {
		shift(t)
	}
	in.Reached = maps.Clone(in.Reached)
	for s, t := range in.Reached {
		shift(&t)
		in.Reached[s] = t
	}
	in.Offset = 0
	return in
}
