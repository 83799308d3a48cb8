package operate

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/diagnosis"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
)

// Each install and rule has one event, also after a restart.
func TestTellStuck(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var elapsed time.Duration
	_, j := journaltest.Run(t, t.TempDir(), func() time.Time { return began.Add(elapsed) }, func() time.Duration { return elapsed }, slog.New(slog.DiscardHandler))
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": {Name: "web1"}}}
	operator := func() *Operator {
		return &Operator{Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Diagnosis: diagnosis.New(j), Now: func() time.Time { return began.Add(elapsed) }}
	}
	told := func(o *Operator) []provision.Event {
		t.Helper()
		if err := o.tellStuck(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := j.Events(t.Context(), "web1", 0)
		if err != nil {
			t.Fatal(err)
		}
		var out []provision.Event
		for _, e := range all {
			if e.Kind == "stuck" {
				out = append(out, e)
			}
		}
		return out
	}
	if _, err := j.Arm(journal.Request{Host: "web1", System: "debian12", Budget: provision.Budget{Attempts: 3}, Expires: time.Hour, Source: "operator"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Record(provision.Event{Host: "web1", Source: "agent", Kind: "converging", Stage: provision.Converging, Message: "it converges"}); err != nil {
		t.Fatal(err)
	}
	o := operator()
	if got := told(o); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	elapsed += 41 * time.Minute
	got := told(o)
	if len(got) != 1 || got[0].Level != provision.LevelWarn || got[0].Fields["rule"] != "silent" || !strings.Contains(got[0].Message, "It is stuck. The box stopped at converging") {
		t.Fatalf("%+v", got)
	}
	elapsed += time.Hour
	if got := told(o); len(got) != 1 {
		t.Errorf("told again: %+v", got)
	}
	if got := told(operator()); len(got) != 1 {
		t.Errorf("told again after a restart: %+v", got)
	}
	// What the appliance says is not heard from the box.
	if in, _ := j.Install("web1"); !in.Heard.Equal(began) {
		t.Errorf("heard at %s", in.Heard)
	}
}

// TestToldAs: the same rule is news once in each attempt, and not when an earlier attempt's
// error stands.
func TestToldAs(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reached := map[provision.Stage]time.Time{provision.Script: began}
	for _, tc := range []struct {
		attempts int
		since    time.Duration
		want     string
	}{
		{0, time.Minute, "silent"}, {1, time.Minute, "silent"}, {2, time.Minute, "silent in attempt 2"}, {2, -time.Minute, "silent"}, {3, time.Minute, "silent in attempt 3"},
	} {
		in := provision.Install{Attempts: tc.attempts, Reached: reached}
		if got := toldAs(in, &provision.Stuck{Rule: "silent", Since: began.Add(tc.since)}); got != tc.want {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}
