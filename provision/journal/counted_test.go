package journal_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// A machine has a clock that can be set, and a monotonic one that can't.
type machine struct {
	wall    time.Time
	running time.Duration
}

func (m *machine) pass(d time.Duration) { m.wall, m.running = m.wall.Add(d), m.running+d }
func (m *machine) set(by time.Duration) { m.wall = m.wall.Add(by) }

// appliance opens a journal on this machine; off ends it, as kill -9 does when crash.
func (m *machine) appliance(t *testing.T, path string) (j *journal.Journal, off func()) {
	t.Helper()
	st, err := store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	began := m.running // a process doesn't see what passed before it
	j, err = journal.Open(t.Context(), st, func() time.Time { return m.wall }, func() time.Duration { return m.running - began }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	return j, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

func record(t *testing.T, j *journal.Journal, e provision.Event) {
	t.Helper()
	if err := j.Record(e); err != nil {
		t.Fatal(err)
	}
}

// The machine's clock doesn't affect a healthy install.
func TestClockSteps(t *testing.T) {
	for name, during := range map[string]func(m *machine){
		"a day ahead and back":       func(m *machine) { m.set(24 * time.Hour); m.pass(time.Second); m.set(-24 * time.Hour) },
		"a day ahead":                func(m *machine) { m.set(24 * time.Hour) },
		"a day back":                 func(m *machine) { m.set(-24 * time.Hour) },
		"six years, a battery empty": func(m *machine) { m.set(-6 * 365 * 24 * time.Hour) },
	} {
		for _, restart := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", with a restart", false: ""}[restart], func(t *testing.T) {
				m := &machine{wall: time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)}
				path := filepath.Join(t.TempDir(), "db")
				j, off := m.appliance(t, path)
				if _, err := j.Arm(request("web1")); err != nil {
					t.Fatal(err)
				}
				if _, err := j.Arm(request("web2")); err != nil { // armed, and waits
					t.Fatal(err)
				}
				m.pass(time.Second)
				record(t, j, provision.Event{Host: "web1", Source: "installer", Kind: "started", Stage: provision.Installer, Message: "the installer runs"})
				m.pass(20 * time.Second)
				if restart {
					off()
					during(m)
					j, off = m.appliance(t, path)
				} else {
					during(m)
				}
				m.pass(time.Second)
				record(t, j, provision.Event{Source: "appliance", Kind: "tick", Message: "something happens"})
				defer off()
				for host, in := range j.Installs() {
					if do := provision.Next(in.ListeningSince(time.Time{}), j.Counted()); len(do) > 0 {
						t.Errorf("%s: %v is done for it", host, do)
					}
				}
				waits, _ := j.Install("web2")
				if may, why := waits.MayHandOut(j.Counted()); !may {
					t.Errorf("web2 may not be installed: %s", why)
				}
				in, _ := j.Install("web1")
				shown := j.Shown(in)
				if ran := m.wall.Sub(shown.PoweredOn); ran < 20*time.Second || ran > 30*time.Second {
					t.Errorf("shown as running for %s", ran)
				}
				if seen := m.wall.Sub(j.SeenHosts()["web1"].Seen); seen < 0 {
					t.Errorf("seen in the future: %s", seen)
				}
				told := false
				events, err := j.Events(t.Context(), "", 50)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					told = told || e.Kind == "clock-set" && (strings.Contains(e.Message, " days;") || strings.Contains(e.Message, " h;"))
				}
				if net := m.wall.Sub(time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)).Abs(); told != (!restart && net > time.Hour) {
					t.Errorf("the operator was told: %v", told)
				}
			})
		}
	}
}

// Time while the appliance runs counts, also over restarts. Its absence doesn't count, for
// any length.
func TestCountedOverRestarts(t *testing.T) {
	m := &machine{wall: time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)}
	path := filepath.Join(t.TempDir(), "db")
	j, off := m.appliance(t, path)
	if _, err := j.Arm(request("web1")); err != nil { // for an hour
		t.Fatal(err)
	}
	for range 3 {
		m.pass(19 * time.Minute)
		record(t, j, provision.Event{Source: "appliance", Kind: "tick", Message: "something happens"})
		off()
		m.pass(48 * time.Hour)
		j, off = m.appliance(t, path)
	}
	defer func() { off() }()
	in, _ := j.Install("web1")
	if may, why := in.MayHandOut(j.Counted()); !may {
		t.Errorf("after 57 minutes: %s", why)
	}
	m.pass(4 * time.Minute)
	if may, _ := in.MayHandOut(j.Counted()); may {
		t.Error("after 61 minutes it is still armed")
	}
}
