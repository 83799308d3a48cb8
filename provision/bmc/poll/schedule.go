package poll

import (
	"slices"
	"time"

	"rackhand/provision/bmc"
)

const (
	// maxBackOff is the longest time between two questions to a BMC that doesn't answer.
	maxBackOff = 5 * time.Minute
	// infoEvery is how often model, firmware and network are read: they change rarely.
	infoEvery = 6 * time.Hour
	// refusedPause is the time until the next login at a BMC that refused one: BMCs lock an
	// account after a few.
	refusedPause = 10 * time.Minute
	// busyPause is the time until the next try at a BMC at which an operation is under way.
	busyPause = 15 * time.Second
	// jitter is the share of a time by which it varies, so that BMCs that were asked together
	// don't stay together.
	jitter = 0.1
)

// A schedule is where the questions to one BMC stand.
type schedule struct {
	due     time.Time // of the next question
	failed  int       // questions in a row that were not answered
	known   bool      // it has answered before
	sensors time.Time // when sensors were asked for last
	info    time.Time // when model, firmware and network were read last
	asking  bool
}

// An outcome is what came of a question.
type outcome int

const (
	answered outcome = iota
	silent           // no answer
	refused          // the login was refused
	busy             // an operation was under way, and has the turn
)

// parts are what to ask a BMC for at a moment.
func (s schedule) parts(now time.Time, sensors time.Duration) []bmc.ReportPart {
	parts := []bmc.ReportPart{bmc.PartPower}
	// One that may be silent is asked briefly first: it takes a place all the time.
	if s.failed > 0 || !s.known {
		return parts
	}
	if s.info.IsZero() || now.Sub(s.info) >= infoEvery {
		parts = append(parts, bmc.PartInfo, bmc.PartNetwork)
	}
	if sensors > 0 && (s.sensors.IsZero() || now.Sub(s.sensors) >= sensors-sensors/8) {
		parts = append(parts, bmc.PartBoot, bmc.PartLog, bmc.PartSensors)
	}
	return parts
}

// after is the schedule after a question for parts. random is from 0 to 1.
func (s schedule) after(o outcome, parts []bmc.ReportPart, now time.Time, every time.Duration, random float64) schedule {
	s.asking = false
	wait := every
	switch o {
	case busy:
		wait = min(every, busyPause)
	case refused:
		s.failed++
		wait = max(every, refusedPause)
	case silent:
		s.failed++
		wait = max(every, min(every<<min(s.failed-1, 8), maxBackOff))
	case answered:
		if !s.known || s.failed > 0 {
			wait /= 4 // the rest
		}
		s.failed, s.known = 0, true
		if slices.Contains(parts, bmc.PartSensors) {
			s.sensors = now
		}
		if slices.Contains(parts, bmc.PartInfo) {
			s.info = now
		}
	}
	s.due = now.Add(wait + time.Duration((2*random-1)*jitter*float64(wait)))
	return s
}

// choose returns the hosts to ask now, the ones that have waited longest first, and when to
// look again. free is how many more may be asked at once, and slow how many more of those that
// don't answer: each of them takes a place for long, and they delay no other.
func choose(all map[string]*schedule, now time.Time, free, slow int) (ask []string, again time.Time) {
	var due []string
	for host, s := range all {
		switch {
		case s.asking:
		case !s.due.After(now):
			due = append(due, host)
		case again.IsZero() || s.due.Before(again):
			again = s.due
		}
	}
	slices.SortFunc(due, func(a, b string) int {
		if c := all[a].due.Compare(all[b].due); c != 0 {
			return c
		}
		if a < b {
			return -1
		}
		return 1
	})
	for _, host := range due {
		switch {
		case len(ask) == free:
			return ask, again
		case all[host].failed == 0:
			ask = append(ask, host)
		case slow > 0:
			slow--
			ask = append(ask, host)
		}
	}
	return ask, again
}
