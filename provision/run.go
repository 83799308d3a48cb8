package provision

import (
	"fmt"
	"time"

	"rackhand/provision/catalog"
)

const (
	// usualInterval is the interval of an agent that doesn't send its own.
	usualInterval = 30 * time.Minute
	// Bounds of an interval that a host reports.
	leastInterval, mostInterval = time.Minute, 30 * 24 * time.Hour
)

// A LastRun is a host's latest report, in brief.
type LastRun struct {
	Number   uint64         `json:"number"`   // of the host's reports
	Received time.Time      `json:"received"` // by the appliance's clock
	Counted  time.Time      `json:"-"`        // the same, as counted time
	Status   string         `json:"status"`   // ok, changed or failed
	Catalog  string         `json:"catalog"`  // its version
	Totals   catalog.Totals `json:"totals"`
	Interval float64        `json:"interval"` // between two runs of the agent, in seconds
	// Silent: no report for two intervals, in which the appliance ran.
	Silent bool `json:"silent"`
	// Drifted is when the latest run with drift was received; zero: not since reports are
	// kept.
	Drifted time.Time `json:"drifted,omitzero"`
	// Disabled: the agent makes no further runs for now.
	Disabled bool `json:"disabled,omitempty"`
	// TooOld: the agent can't be given the host's catalog, and converged an earlier one.
	TooOld bool `json:"too_old,omitempty"`
	// Kept is the age in seconds of the catalog that the host had kept and converged; 0:
	// the appliance's own.
	Kept float64 `json:"kept_catalog,omitempty"`
}

// Interval is the time between two runs of an agent that reports it in seconds, within
// bounds; the usual one for 0.
func Interval(seconds float64) time.Duration {
	if !(seconds > 0) {
		return usualInterval
	}
	return time.Duration(min(max(seconds, leastInterval.Seconds()), mostInterval.Seconds()) * float64(time.Second))
}

// At returns the run with Silent as of the counted time now.
func (r LastRun) At(now time.Time) LastRun {
	r.Silent = now.Sub(r.Counted) > 2*Interval(r.Interval)
	return r
}

// InOrder reports whether there is nothing to look at: no failure, no silence, no catalog
// that was kept, no drift, nothing that could not be looked at, no agent that is disabled or
// too old for its catalog.
func (r LastRun) InOrder() bool {
	return r.Status != catalog.Failed && !r.Silent && !r.Disabled && !r.TooOld && r.Kept == 0 && r.HasDrifted() == 0 && r.Totals.Unknown == 0
}

// HasDrifted is how many resources had drifted in this run, 0 also when the agent can't tell.
func (r LastRun) HasDrifted() int {
	if r.Totals.Drifted == nil {
		return 0
	}
	return *r.Totals.Drifted
}

// Notes are short texts for people about the run at now, without those of AgentState.Notes.
func (r LastRun) Notes(now time.Time) []string {
	var out []string
	if r.Silent {
		out = append(out, "silent for "+Roughly(now.Sub(r.Received)))
	}
	if r.Status == catalog.Failed {
		n := r.Totals.Failed + r.Totals.Skipped
		if n > 0 {
			out = append(out, fmt.Sprintf("%d of %d resources don't hold", n, r.Totals.Resources()))
		}
		if r.Totals.ChecksFailed > 0 {
			out = append(out, fmt.Sprintf("%d of %d checks fail", r.Totals.ChecksFailed, r.Totals.Checks))
		} else if n == 0 {
			out = append(out, "the run failed")
		}
	}
	if n := r.HasDrifted(); n > 0 {
		out = append(out, fmt.Sprintf("%d drifted", n))
	}
	return out
}

// Notes are short texts for people about a host's agent, certificate and BMC at now; empty when all is in order.
func (s HostStatus) Notes(now time.Time) (out []string) {
	if s.Run != nil {
		out = s.Run.Notes(now)
	}
	if s.Agent != nil {
		out = append(out, s.Agent.Notes(now)...)
	}
	if s.BMCState != nil {
		out = append(out, s.BMCState.Notes(now)...)
	}
	// A host that is installed, or is going to be, gets its certificate with that.
	if s.Certificate != nil && !s.Install.UnderWay() && (s.Install == nil || !s.Install.Erased) {
		out = append(out, s.Certificate.Notes(s.Host, now)...)
	}
	return out
}
