package provision

import (
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// mostPending is how many restarts that wait are kept.
const mostPending = 5

// A Disabled is why and until when an agent makes no runs.
type Disabled struct {
	Reason string `json:"reason"`
	// Until is by the appliance's clock.
	Until time.Time `json:"until"`
}

// NewDisabled makes one of what an agent says at now. It is the host's word, and is bounded.
func NewDisabled(now time.Time, d catalog.Disabled) *Disabled {
	left := max(0, min(d.Left, catalog.MaxDisabled.Seconds()))
	reason := d.Reason
	if len(reason) > catalog.MaxReason {
		reason = strings.ToValidUTF8(reason[:catalog.MaxReason], "") + "…"
	}
	return &Disabled{Reason: reason, Until: now.Add(time.Duration(left * float64(time.Second)))}
}

// same takes no notice of a few seconds, which a message on its way takes.
func (d *Disabled) same(e *Disabled) bool {
	if d == nil || e == nil {
		return d == e
	}
	return d.Reason == e.Reason && d.Until.Sub(e.Until).Abs() < time.Minute
}

func (d *Disabled) text(now time.Time) string {
	if d == nil {
		return ""
	}
	until := d.Until.Local().Format("Mon 2 Jan 15:04")
	if now.After(d.Until) {
		return "its agent was disabled until " + until + " because " + d.Reason + ", and has not reported since"
	}
	return "its agent is disabled until " + until + " because " + d.Reason
}

// WithPending adds a restart that waits for the maintenance window, as the agent says of a
// resource; "" adds nothing.
func (s AgentState) WithPending(id, text string) AgentState {
	if text == "" || len(s.Pending) == mostPending {
		return s
	}
	text = id + ": " + text
	if len(text) > mostWarning {
		text = strings.ToValidUTF8(text[:mostWarning], "") + "…"
	}
	s.Pending = append(s.Pending, text)
	return s
}
