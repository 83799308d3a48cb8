package why

import (
	"slices"
	"time"

	"rackhand/provision"
)

// Times are the times within which a box is expected to get from one stage to the next.
type Times map[provision.Stage]time.Duration

// samplesNeeded is how many installs it takes to learn a time from them.
const samplesNeeded = 5

// firmwarePatience is how long a box may be at its firmware or boot program before it counts
// as stuck, whatever it shows. Memory training and option ROMs cost a server minutes before its
// first request.
const firmwarePatience = 5 * time.Minute

// shipped are the times of a box of which too little is known, and the least that is ever
// waited before a box counts as stuck.
func shipped() Times {
	return Times{
		provision.Powered:    firmwarePatience,
		provision.Addressed:  time.Minute,
		provision.Bootfile:   90 * time.Second,
		provision.Script:     2 * time.Minute,
		provision.Kernel:     4 * time.Minute,
		provision.Installer:  10 * time.Minute,
		provision.Packages:   20 * time.Minute,
		provision.Installed:  6 * time.Minute,
		provision.Booted:     2 * time.Minute,
		provision.Enrolled:   2 * time.Minute,
		provision.Converging: 10 * time.Minute,
		provision.Converged:  2 * time.Minute,
	}
}

// of is the time for a stage: max(floor, 2 × the ninth decile of what it took before).
func (t Times) of(s provision.Stage) time.Duration { return max(t[s], shipped()[s]) }

// A History is how long the stages of past installs took, by host and by system and role.
type History struct {
	byHost, byKind map[string]map[provision.Stage][]time.Duration
}

// Learn makes a history of installs that have ended. role tells the role of a host.
func Learn(past []provision.Install, role func(host string) string) History {
	h := History{byHost: map[string]map[provision.Stage][]time.Duration{}, byKind: map[string]map[provision.Stage][]time.Duration{}}
	for _, in := range past {
		if in.Job != provision.NoJob {
			continue
		}
		for stage, took := range stageTimes(in) {
			put(h.byHost, in.Host, stage, took)
			put(h.byKind, kindOf(in.System, role(in.Host)), stage, took)
		}
	}
	return h
}

func kindOf(system, role string) string { return system + "\n" + role }

func put(to map[string]map[provision.Stage][]time.Duration, key string, stage provision.Stage, took time.Duration) {
	if to[key] == nil {
		to[key] = map[provision.Stage][]time.Duration{}
	}
	to[key][stage] = append(to[key][stage], took)
}

// stageTimes is how long an install was in each stage that it left for a later one.
func stageTimes(in provision.Install) map[provision.Stage]time.Duration {
	out := map[provision.Stage]time.Duration{}
	var before provision.Stage
	for _, s := range provision.Stages() {
		at, ok := in.Reached[s]
		if !ok {
			continue
		}
		if took := at.Sub(in.Reached[before]); before != "" && took >= 0 {
			out[before] = took
		}
		before = s
	}
	return out
}

// For returns the times of a host: of its own installs, or below five samples of those with
// its system and role, or below five the shipped ones.
func (h History) For(host, system, role string) Times {
	out := Times{}
	for stage := range shipped() {
		for _, samples := range [][]time.Duration{h.byHost[host][stage], h.byKind[kindOf(system, role)][stage]} {
			if len(samples) >= samplesNeeded {
				out[stage] = 2 * ninthDecile(samples)
				break
			}
		}
	}
	return out
}

// ninthDecile is the time that nine of ten samples don't exceed.
func ninthDecile(samples []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[(len(sorted)*9+9)/10-1]
}

// next is what should follow the box's place, and by when.
func (s *story) next() *provision.Expected {
	text := map[provision.Stage]string{
		provision.Requested:  "someone powers the box on, and its firmware asks for an address",
		provision.Powered:    "its firmware asks for an address",
		provision.Addressed:  "it asks for its boot program",
		provision.Bootfile:   "its boot program asks for its script",
		provision.Script:     "it fetches its kernel and initrd",
		provision.Kernel:     "its installer reports",
		provision.Installer:  "the installer begins to write the system",
		provision.Packages:   "the installer reports that the system is installed",
		provision.Installed:  "the installed system boots, and its agent reports",
		provision.Booted:     "its agent enrols",
		provision.Enrolled:   "its agent asks for its catalog",
		provision.Converging: "its agent reports that the role holds",
		provision.Converged:  "the role's checks pass",
	}[s.place]
	if text == "" {
		return nil
	}
	e := &provision.Expected{Text: text}
	if wait := s.times.of(s.place); wait > 0 {
		e.By = s.sincePlace().Add(wait)
	}
	return e
}

// sincePlace is when the box came to its place.
func (s *story) sincePlace() time.Time {
	if b := s.boot(); b != nil && s.place != s.in.Stage {
		for _, e := range b.events {
			if reachedBy(e) == s.place {
				return e.Counted
			}
		}
		return b.began
	}
	if at, ok := s.in.Reached[s.in.Stage]; ok {
		return at
	}
	return s.in.Requested
}

// overdue reports whether the box has been at its place for longer than expected.
func (s *story) overdue() bool {
	wait := s.times.of(s.place)
	return wait > 0 && s.now.Sub(s.waitedFrom(s.sincePlace())) > wait
}
