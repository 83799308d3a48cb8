package hardware

import (
	"testing"
	"time"
)

func TestClockOff(t *testing.T) {
	now := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		box, appliance time.Time
		off            time.Duration
		why            string
	}{
		"right":                      {now, now, 0, ""},
		"a second, the date's own":   {now.Add(900 * time.Millisecond), now, 0, ""},
		"behind, local time":         {now.Add(-5 * time.Hour), now, 5 * time.Hour, ""},
		"ahead":                      {now.Add(5 * time.Hour), now, -5 * time.Hour, ""},
		"an empty battery":           {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), now, now.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), ""},
		"no date":                    {now, time.Time{}, 0, "the appliance did not send the time"},
		"an appliance without clock": {now, time.Unix(1000, 0), 0, "the appliance says that it is 1970-01-01: set its clock"},
	} {
		if off, why := clockOff(tc.box, tc.appliance); off != tc.off || why != tc.why {
			t.Errorf("%s: %v, %q; want %v, %q", name, off, why, tc.off, tc.why)
		}
	}
}
