package diagnosis

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// A fault in a rule costs one host its diagnosis, and ends nothing.
func TestGuarded(t *testing.T) {
	var none *provision.Event
	got := guarded(time.Time{}, func() *provision.Stuck { return &provision.Stuck{Rule: none.Kind} })
	if got == nil || got.Rule != "fault" || !strings.Contains(got.Cause(), "nil pointer") || got.Remedy.Text == "" {
		t.Errorf("%+v", got)
	}
	if got := guarded(time.Time{}, func() *provision.Stuck { return nil }); got != nil {
		t.Errorf("%+v", got)
	}
}
