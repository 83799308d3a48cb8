package provision_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// TestShown checks that times become times of day, and that a missing one stays missing.
func TestShown(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &provision.Stuck{
		Since: at, Last: &provision.Seen{Time: at.Add(time.Minute)},
		Expected: &provision.Expected{Text: "someone powers the box on"},
	}
	got := s.Shown(time.Hour)
	if !got.Since.Equal(at.Add(time.Hour)) || !got.Last.Time.Equal(at.Add(time.Hour+time.Minute)) || !got.Expected.By.IsZero() {
		t.Errorf("%+v, %+v", got, got.Expected)
	}
	if raw, err := json.Marshal(got); err != nil || strings.Contains(string(raw), `"by"`) {
		t.Errorf("%s, %v", raw, err)
	}
	s.Expected.By = at
	if got := s.Shown(time.Hour).Expected.By; !got.Equal(at.Add(time.Hour)) {
		t.Errorf("by %s", got)
	}
}
