package bench

import (
	"fmt"
	"time"
)

// A Probe measures a server under one rate, in exchanges a second.
type Probe func(rate int) (Load, error)

// A Load is what came of one probe.
type Load struct {
	Rate      int     // exchanges a second that were asked for
	Seconds   float64 // how long they were sent
	Sent      int     // exchanges that were begun
	Completed int     // exchanges that came to their end
	CPU       float64 // processor seconds that the server used
}

// Drops is the share of the exchanges begun that did not come to their end, 0..1.
func (l Load) Drops() float64 {
	if l.Sent == 0 {
		return 1
	}
	return 1 - float64(l.Completed)/float64(l.Sent)
}

// Achieved is how many exchanges a second came to their end.
func (l Load) Achieved() float64 {
	if l.Seconds <= 0 {
		return 0
	}
	return float64(l.Completed) / l.Seconds
}

// CPUEach is the processor time that the server used for a completed exchange.
func (l Load) CPUEach() time.Duration {
	if l.Completed == 0 {
		return 0
	}
	return time.Duration(l.CPU / float64(l.Completed) * float64(time.Second))
}

// Bounds of a search: perfdhcp itself reaches some 30,000 exchanges a second.
const (
	leastRate = 10
	mostRate  = 50000
)

// A Search looks for the highest rate that a server stands.
type Search struct {
	MaxDrops float64 // share of exchanges that may be lost, such as 0.01
	// Resolution is how near the highest rate that passed is to the lowest that did
	// not, as a share of the rate: 0.05 ends within 5 %.
	Resolution float64
	Growth     float64 // factor from a rate that passed to the next, above 1
}

// Highest raises the rate from start by Growth until a probe fails, or lowers it so
// until one passes, then bisects. A rate that fails by little is asked for a second
// time before it counts as failed, since one hiccup of the machine must not halve a
// result. It
// returns the best probe that passed; an error when none did.
func (s Search) Highest(start int, probe Probe) (Load, error) {
	passed, failed := 0, 0
	var best Load
	for rate := min(max(start, leastRate), mostRate); ; rate = s.next(passed, failed) {
		l, ok, err := s.try(rate, probe)
		switch {
		case err != nil:
			return Load{}, err
		case ok:
			passed = rate
			if l.Achieved() > best.Achieved() {
				best = l
			}
		default:
			failed = rate
		}
		switch {
		case failed != 0 && failed <= leastRate:
			return Load{}, fmt.Errorf("more than %.0f %% of the exchanges were lost even at %d a second: is the server up?", 100*s.MaxDrops, failed)
		case passed >= mostRate:
			return best, nil
		case passed != 0 && failed != 0 && float64(failed-passed) <= max(1, s.Resolution*float64(failed)):
			return best, nil
		}
	}
}

// hiccup is how much a probe may lose and be asked for again.
const hiccup = 0.25

// try probes a rate, twice when the first time failed by little.
func (s Search) try(rate int, probe Probe) (Load, bool, error) {
	var l Load
	for range 2 {
		var err error
		if l, err = probe(rate); err != nil {
			return l, false, fmt.Errorf("a probe at %d a second: %w", rate, err)
		}
		if l.Drops() <= s.MaxDrops {
			return l, true, nil
		}
		if l.Drops() > hiccup {
			break
		}
	}
	return l, false, nil
}

func (s Search) next(passed, failed int) int {
	switch {
	case failed == 0:
		return min(max(int(s.Growth*float64(passed)), passed+1), mostRate)
	case passed == 0:
		return max(min(int(float64(failed)/s.Growth), failed-1), leastRate)
	}
	return (passed + failed) / 2
}
