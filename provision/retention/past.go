package retention

import (
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
)

// keepPast is how many ended installs, and how many jobs, of a host are kept.
const keepPast = 50

// classify returns the installs and jobs to delete, and those whose events are always kept:
// those under way, the last of each host that ended, the last that served, and the last that
// failed. past is in the order of journal.Past; now is counted time.
func classify(past []journal.Past, now time.Time, age time.Duration) (gone []journal.Past, stay map[string]bool) {
	stay = map[string]bool{}
	// The counts are separate for the jobs and the installs of a host, from the latest on.
	type seen struct{ ended, served, failed, n int }
	hosts := map[string]*seen{}
	for i := len(past) - 1; i >= 0; i-- {
		p := past[i]
		of := p.Host
		if p.Job != provision.NoJob {
			of += " job"
		}
		h := hosts[of]
		if h == nil {
			h = &seen{}
			hosts[of] = h
		}
		h.n++
		latest := h.n == 1
		needed := !p.Stage.Ended() && latest
		if p.Stage.Ended() {
			needed = needed || h.ended == 0
			h.ended++
		}
		if p.Stage == provision.Serving {
			needed = needed || h.served == 0
			h.served++
		}
		if p.Stage == provision.Failed {
			needed = needed || h.failed == 0
			h.failed++
		}
		old := !p.Ended.IsZero() && now.Sub(p.Ended) > age
		switch {
		case needed:
			stay[p.ID] = true
		case !latest && (h.n > keepPast || old):
			gone = append(gone, p)
		}
	}
	return gone, stay
}
