package operate

import (
	"strings"
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
		"disabled":             {provision.HostStatus{Agent: &provision.AgentState{Disabled: &provision.Disabled{Until: at}}}, true, false},
		"disabled until then":  {provision.HostStatus{Agent: &provision.AgentState{Disabled: &provision.Disabled{Until: at.Add(-time.Hour)}}}, true, true},
		"too old":              {provision.HostStatus{Agent: &provision.AgentState{TooOld: "x"}}, true, true},
		"another":              {provision.HostStatus{Host: "web2"}, false, false},
	} {
		if tt.host.Host == "" {
			tt.host.Host = "web1"
		}
		got := withRuns([]provision.HostStatus{tt.host}, map[string]provision.LastRun{"web1": {Received: at, Silent: true}}, at)[0].Run
		if (got != nil) != tt.there || got != nil && (got.Silent != tt.silence || got.Disabled != (name == "disabled") || got.TooOld != (name == "too old")) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestSilence: that an agent has fallen silent is one event, and that it reports again is
// another. A report that comes at that moment is never overwritten.
func TestSilence(t *testing.T) {
	o := newTestOperator(t)
	silent := true
	o.Problems = func() []string { return nil }
	o.Database = func() provision.DatabaseStats { return provision.DatabaseStats{} }
	o.Runs = func() map[string]provision.LastRun {
		return map[string]provision.LastRun{"web1": {Silent: silent}, "gone": {Silent: true}}
	}
	said := func(when, want string) {
		t.Helper()
		events, err := o.Journal.Events(t.Context(), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, e.Host+" "+e.Kind)
		}
		if got := strings.Join(kinds, ", "); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	warned := provision.NewAgentState(time.Now(), 0, 0, []string{"x"})
	if err := o.Journal.AgentIs("web1", warned); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := o.Silence(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	said("silent", "web1 agent-warns, web1 agent-silent")
	if err := o.Journal.AgentIs("web1", warned); err != nil {
		t.Fatal(err)
	}
	said("it reports", "web1 agent-warns, web1 agent-silent, web1 agent-silent-ended")
	if err := o.Journal.AgentSilent("web1", func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	silent = false
	if err := o.Silence(t.Context()); err != nil {
		t.Fatal(err)
	}
	said("it isn't silent", "web1 agent-warns, web1 agent-silent, web1 agent-silent-ended")
}
