package show

import (
	"cmp"
	"fmt"
	"time"

	"rackhand/provision"
	"rackhand/provision/await"
)

// Awaited is what came of the wait for a host, as one line.
func Awaited(h await.Host) string {
	switch h.Outcome {
	case await.Reached:
		text := fmt.Sprintf("%s: %s", h.Host, h.Stage)
		if h.Seconds > 0 {
			text += fmt.Sprintf(", %s after power-on", provision.Span(time.Duration(h.Seconds*float64(time.Second))))
		}
		return text
	case await.Failed:
		return fmt.Sprintf("%s: %s: %s", h.Host, h.Stage, OneLine(cmp.Or(h.Reason, "no reason is known"), 2000))
	}
	return fmt.Sprintf("%s: still %s; more: `rackhand status %s`", h.Host, cmp.Or(string(h.Stage), "not installed"), h.Host)
}
