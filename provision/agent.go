package provision

import (
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// clockAgrees is how far a host's clock may be from the appliance's, in seconds.
	clockAgrees = 2
	// clockMost bounds that difference in a report: 30 years, in seconds.
	clockMost = 30 * 365 * 24 * 3600
	// Bounds of an agent's warnings: their number, and the bytes of each.
	mostWarnings, mostWarning = 5, 200
)

// An AgentState has the content of a host's latest report apart from its results. The zero
// value stands for a host on the appliance's catalog, with the right clock and no warnings.
type AgentState struct {
	// CatalogFetched is when the appliance last confirmed the catalog that the host
	// converged, by the appliance's clock; zero: in that run.
	CatalogFetched time.Time `json:"catalog_fetched,omitzero"`
	// ClockAhead is how far the host's clock is ahead of the appliance's, in seconds; below
	// zero it is behind, and 0 when they agree within 2 s.
	ClockAhead float64  `json:"clock_ahead,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
	// Pending are restarts and reloads that wait for the maintenance window.
	Pending []string `json:"pending,omitempty"`
	// Disabled: the agent makes no runs for a while; nil: it does.
	Disabled *Disabled `json:"disabled,omitempty"`
	// TooOld says why the agent can't be given the host's catalog, and the command that
	// upgrades it; "" when it can.
	TooOld string `json:"too_old,omitempty"`
	// Silent: the journal has an event that no report came for two of the agent's intervals.
	Silent bool `json:"silent,omitempty"`
}

// NewAgentState makes the state of a report that came at now. age is the age of a catalog
// kept on the host, 0 for one of the appliance. ahead is in seconds. Both come from the host,
// and are bounded.
func NewAgentState(now time.Time, age time.Duration, ahead float64, warnings []string) AgentState {
	s := AgentState{}
	if age > 0 {
		s.CatalogFetched = now.Add(-age)
	}
	if math.Abs(ahead) > clockAgrees {
		s.ClockAhead = max(-clockMost, min(clockMost, ahead))
	}
	for _, w := range warnings[:min(len(warnings), mostWarnings)] {
		if len(w) > mostWarning {
			w = strings.ToValidUTF8(w[:mostWarning], "") + "…"
		}
		s.Warnings = append(s.Warnings, w)
	}
	return s
}

// Age is the age of the kept catalog at now, 0 for the appliance's.
func (s AgentState) Age(now time.Time) time.Duration {
	if s.CatalogFetched.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.CatalogFetched))
}

// Plain reports whether the state is the zero value.
func (s AgentState) Plain() bool { return s.Same(AgentState{}) }

// Same reports whether two states are equal.
func (s AgentState) Same(t AgentState) bool {
	return s.CatalogFetched.Equal(t.CatalogFetched) && s.ClockAhead == t.ClockAhead && slices.Equal(s.Warnings, t.Warnings) && s.Silent == t.Silent && s.TooOld == t.TooOld &&
		slices.Equal(s.Pending, t.Pending) && s.Disabled.same(t.Disabled)
}

// Notes are short texts for people about a host at now; empty when the state is plain.
func (s AgentState) Notes(now time.Time) []string {
	var out []string
	if s.Disabled != nil {
		out = append(out, s.Disabled.text(now))
	}
	out = append(out, s.Pending...)
	if s.TooOld != "" {
		out = append(out, "agent too old: "+s.TooOld)
	}
	if !s.CatalogFetched.IsZero() {
		out = append(out, "kept catalog, "+Roughly(now.Sub(s.CatalogFetched))+" old")
	}
	if s.ClockAhead != 0 {
		out = append(out, "clock "+s.clock("ahead", "behind"))
	}
	for _, w := range s.Warnings {
		out = append(out, "the agent warns: "+w)
	}
	return out
}

// Turns returns the events for the change from one state to the next, received at now: one
// when a condition begins and one when it ends.
func (s AgentState) Turns(next AgentState, now time.Time) []Event {
	var out []Event
	turn := func(was, is bool, kind, begins, ends string) {
		switch {
		case !was && is:
			out = append(out, Event{Source: "agent", Kind: kind, Level: LevelWarn, Message: begins})
		case was && !is:
			out = append(out, Event{Source: "agent", Kind: kind + "-ended", Message: ends})
		}
	}
	turn(!s.CatalogFetched.IsZero(), !next.CatalogFetched.IsZero(), "kept-catalog",
		"the agent could not ask the appliance in time and converged the catalog kept on the host, "+Roughly(now.Sub(next.CatalogFetched))+" old",
		"the agent converges the appliance's catalog again")
	turn(s.ClockAhead != 0, next.ClockAhead != 0, "clock-differs",
		"the host's clock is "+next.clock("ahead of", "behind")+" the appliance's", "the host's clock agrees with the appliance's again")
	turn(s.TooOld != "", next.TooOld != "", "agent-too-old", "agent too old: "+next.TooOld, "the agent can be given its catalog again")
	turn(len(s.Warnings) > 0, len(next.Warnings) > 0, "agent-warns",
		"the agent warns: "+strings.Join(next.Warnings, "; "), "the agent warns of nothing any more")
	turn(len(s.Pending) > 0, len(next.Pending) > 0, "restart-pending",
		strings.Join(next.Pending, "; "), "the restarts that waited for the maintenance window are done")
	turn(s.Disabled != nil, next.Disabled != nil, "agent-disabled", next.Disabled.text(now), "the agent makes runs again")
	turn(s.Silent, next.Silent, "agent-silent",
		"the agent is silent: the appliance has had no report for two of its intervals", "the agent reports again")
	return out
}

func (s AgentState) clock(way, behind string) string {
	if s.ClockAhead < 0 {
		way = behind
	}
	return Roughly(time.Duration(math.Abs(s.ClockAhead)*float64(time.Second))) + " " + way
}
