package operate

import (
	"testing"
	"time"

	"rackhand/provision"
)

// TestWithRuns: a run of the system before, or of a host in no inventory, is not shown as
// the host's, and a host that is being installed isn't silent.
func TestWithRuns(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	install := func(stage provision.Stage, began time.Time) *provision.Install {
		return &provision.Install{Stage: stage, Reached: map[provision.Stage]time.Time{provision.Installer: began}}
	}
	for name, tt := range map[string]struct {
		host    provision.HostStatus
		there   bool
		silence bool
	}{
		"serving":              {provision.HostStatus{Install: install(provision.Serving, at.Add(-time.Hour))}, true, true},
		"never installed here": {provision.HostStatus{}, true, true},
		"reinstalled since":    {provision.HostStatus{Install: install(provision.Converging, at.Add(time.Hour))}, false, false},
		"converging":           {provision.HostStatus{Install: install(provision.Converging, at.Add(-time.Hour))}, true, false},
		"unclaimed":            {provision.HostStatus{Unclaimed: true}, false, false},
		"another":              {provision.HostStatus{Host: "web2"}, false, false},
	} {
		if tt.host.Host == "" {
			tt.host.Host = "web1"
		}
		got := withRuns([]provision.HostStatus{tt.host}, map[string]provision.LastRun{"web1": {Received: at, Silent: true}})[0].Run
		if (got != nil) != tt.there || got != nil && got.Silent != tt.silence {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
