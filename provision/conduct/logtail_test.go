package conduct

import (
	"fmt"
	"testing"
	"time"

	"rackhand/provision"
)

// TestWantedTails: whose log's end is kept, and when: once for each attempt that fails, and
// once for each silence.
func TestWantedTails(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// A step is a second of an install: its stage, attempt, size of its log, and whether its
	// installer has given the attempt up.
	type step struct {
		at      time.Duration
		stage   provision.Stage
		attempt int
		size    int64
		gaveUp  bool
		want    string // "", "failed", or how long it was silent
	}
	for name, steps := range map[string][]step{
		"silent once, then once more": {
			{0, provision.Installer, 1, 10, false, ""},
			{179 * time.Second, provision.Installer, 1, 10, false, ""},
			{180 * time.Second, provision.Installer, 1, 10, false, "3m0s"},
			{time.Hour, provision.Installer, 1, 10, false, ""},
			{time.Hour + time.Second, provision.Packages, 1, 20, false, ""},
			{time.Hour + 4*time.Minute, provision.Packages, 1, 20, false, "3m59s"},
		},
		"not before the installer, and not after it": {
			{0, provision.Kernel, 1, 10, false, ""},
			{time.Hour, provision.Kernel, 1, 10, false, ""},
			{2 * time.Hour, provision.Installed, 1, 10, false, ""},
			{3 * time.Hour, provision.Installed, 1, 10, false, ""},
		},
		"a log that is empty": {{0, provision.Installer, 1, 0, false, ""}, {time.Hour, provision.Failed, 1, 0, false, ""}, {2 * time.Hour, provision.Failed, 1, 0, false, ""}},
		"it fails": {
			{0, provision.Packages, 1, 10, false, ""},
			{time.Second, provision.Failed, 1, 10, false, ""}, // its last lines are still to come
			{2 * time.Second, provision.Failed, 1, 20, false, "failed"},
			{3 * time.Second, provision.Failed, 1, 20, false, ""},
		},
		"each attempt fails": {
			{0, provision.Packages, 1, 10, false, ""},
			{time.Second, provision.Packages, 1, 10, true, ""},
			{2 * time.Second, provision.Packages, 1, 12, true, "failed"},
			{time.Minute, provision.Packages, 1, 12, true, ""},
			{2 * time.Minute, provision.Script, 2, 12, false, ""},
			{3 * time.Minute, provision.Failed, 2, 20, true, ""},
			{3*time.Minute + time.Second, provision.Failed, 2, 20, true, "failed"},
		},
		"it had failed before the appliance started": {{0, provision.Failed, 1, 10, true, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			all := tails{}
			for i, s := range steps {
				in := provision.Install{ID: "web1-1", Host: "web1", Stage: s.stage, Attempts: s.attempt, GaveUp: s.gaveUp}
				got := ""
				for _, w := range all.wanted(map[string]provision.Install{"web1": in}, func(string) int64 { return s.size }, began.Add(s.at)) {
					got += "failed"
					if w.silent > 0 {
						got = fmt.Sprint(w.silent)
					}
				}
				if got != s.want {
					t.Errorf("step %d: %q, want %q", i, got, s.want)
				}
			}
			all.wanted(nil, nil, began)
			if len(all) != 0 {
				t.Errorf("installs that are gone stay: %v", all)
			}
		})
	}
}

// TestReportsAreHeard: an installer that reports and logs nothing is not silent.
func TestReportsAreHeard(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	all := tails{}
	for minute := range 30 {
		now := began.Add(time.Duration(minute) * time.Minute)
		in := provision.Install{ID: "web1-1", Host: "web1", Stage: provision.Packages, Attempts: 1, InstallerHeard: now.Add(-time.Second)}
		if got := all.wanted(map[string]provision.Install{"web1": in}, func(string) int64 { return 5 }, now); len(got) != 0 {
			t.Fatalf("minute %d: %+v", minute, got)
		}
	}
}

// fakeLogs has one log.
type fakeLogs struct{ lines []string }

func (f fakeLogs) Size(string) int64                  { return int64(len(f.lines)) }
func (f fakeLogs) Tail(_, _ string) ([]string, error) { return f.lines, nil }

// TestLogTailIsNoWord: the event that keeps a log's end is the install's, and the host is not
// heard by it.
func TestLogTailIsNoWord(t *testing.T) {
	c := armed(t)
	c.Logs = fakeLogs{[]string{"one", "two"}}
	all, now := tails{}, c.Journal.Counted()
	c.keepTails(all, now)
	if err := c.Journal.Record(provision.Event{Host: "web1", Source: "installer", Kind: "report", Stage: provision.Failed, Message: "no disk"}); err != nil {
		t.Fatal(err)
	}
	before := c.Journal.Hosts()["web1"]
	for i := range 4 {
		c.keepTails(all, now.Add(time.Duration(i)*time.Second))
	}
	events, err := c.Journal.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	e := events[len(events)-1]
	if in, _ := c.Journal.Install("web1"); e.Kind != provision.KindLogTail || e.Install != in.ID || e.Message != "one\ntwo" || e.Fields["lines"] != "2" || e.Stage != "" || len(events) != 3 {
		t.Errorf("%+v", events)
	}
	if after := c.Journal.Hosts()["web1"]; after.Last.Message != "no disk" || !after.Seen.Equal(before.Seen) {
		t.Errorf("%+v", after)
	}
}
