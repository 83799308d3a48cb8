package bench

import (
	"fmt"
	"time"
)

// A Probe measures a server under one rate, in exchanges a second.
type Probe func(rate int) (Load, error)

// A Load is the result of one probe.
type Load struct {
	Rate      int     // requested exchanges a second
	Seconds   float64 // duration of the probe
	Sent      int     // exchanges begun
	Completed int     // exchanges completed
	CPU       float64 // processor seconds of the server
}

// Drops is the part of the begun exchanges that did not complete, 0..1.
func (l Load) Drops() float64 {
	if l.Sent == 0 {
		return 1
	}
	return 1 - float64(l.Completed)/float64(l.Sent)
}

// Achieved is the number of completed exchanges a second.
func (l Load) Achieved() float64 {
	if l.Seconds <= 0 {
		return 0
	}
	return float64(l.Completed) / l.Seconds
}

// CPUEach is the server's processor time for each completed exchange.
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

// A Search looks for the highest rate that a server sustains.
type Search struct {
	MaxDrops float64 // part of the exchanges that may be lost, such as 0.01
	// Resolution is the greatest distance between the highest rate that passed and the
	// lowest that failed, as a part of the rate: 0.05 ends within 5 %.
	Resolution float64
	Growth     float64 // factor from a rate that passed to the next, above 1
}

// Highest raises the rate from start by Growth until a probe fails, or lowers it until one
// passes, then bisects. A rate that fails by little is probed again before it counts as
// failed, since one delay of the machine must not halve a result. It returns the best probe
// that passed, and an error when none did.
func (s Search) Highest(start int, probe Probe) (Load, error) {
	passed, failed := 0, 0
	var best Load
	for rate := min(max(start, leastRate), mostRate); ; rate = s.next(passed, failed) {
		l, ok, err := s.probeTwice(rate, probe)
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

// nearMiss is how much a probe may lose and still be repeated.
const nearMiss = 0.25

// probeTwice probes a rate, twice when the first probe failed by little.
func (s Search) probeTwice(rate int, probe Probe) (Load, bool, error) {
	var l Load
	for range 2 {
		var err error
		if l, err = probe(rate); err != nil {
			return l, false, fmt.Errorf("a probe at %d a second: %w", rate, err)
		}
		if l.Drops() <= s.MaxDrops {
			return l, true, nil
		}
		if l.Drops() > nearMiss {
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
