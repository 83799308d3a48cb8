package converge

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// Once the host is enrolled and something keeps its clock right, the appliance's time is
// compared and reported, however far it is off, and nothing fails or expires by it.
func TestClockIsOnlyCompared(t *testing.T) {
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour, time.Minute} {
		r := newTestHost(t)
		r.once(catalog.Changed)
		r.synchronised = true
		r.clock.now = r.clock.now.Add(step)
		r.restart()
		before := r.clock.now
		r.once(catalog.OK)
		if r.clock.sets != 0 || !r.clock.now.Equal(before) {
			t.Errorf("%s: the clock was set", step)
		}
		last := r.app.reports[len(r.app.reports)-1]
		if got := last.ClockAhead; got < step.Seconds()-60 || got > step.Seconds()+60 || !last.CatalogFetched.IsZero() {
			t.Errorf("%s: the report says %g s, and that the catalog was fetched at %s", step, got, last.CatalogFetched)
		}
		// What was wrong is right again.
		r.clock.now = r.app.now
		r.once(catalog.OK)
		if last := r.app.reports[len(r.app.reports)-1]; last.ClockAhead != 0 || last.Started.Sub(r.app.now).Abs() > time.Minute {
			t.Errorf("%s: the report after: %+v", step, last)
		}
	}
}

// With nothing to keep the clock right, each run takes the appliance's time.
func TestClockIsSetWhileNothingElseDoes(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	for n := range 2 {
		r.clock.now = r.clock.now.Add(24 * time.Hour)
		r.once(catalog.OK)
		if r.clock.sets != n+1 || r.clock.now.Sub(r.app.now).Abs() > maxSkew {
			t.Errorf("set %d times, now %s", r.clock.sets, r.clock.now)
		}
	}
	// A run that is synchronised makes no question of it.
	r.synchronised = true
	asked := r.app.calls["/v1/time"]
	r.once(catalog.OK)
	if r.app.calls["/v1/time"] != asked {
		t.Error("the time was asked for")
	}
}

// A step in the middle of a run spoils no time in the report, and no connection.
func TestClockStepsDuringRun(t *testing.T) {
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		for _, path := range []string{"/v1/catalog", "/v1/progress", "/v1/report"} {
			r := newTestHost(t)
			r.once(catalog.Changed)
			r.synchronised = true
			r.app.asked = func(p string) {
				if p == path {
					r.clock.now = r.clock.now.Add(step)
					r.up += time.Second
					r.app.asked = nil
					r.app.Server.Config.SetKeepAlivesEnabled(false) // the next one is a new connection
				}
			}
			r.once(catalog.OK)
			last := r.app.reports[len(r.app.reports)-1]
			if took := last.Finished.Sub(last.Started); took < 0 || took > time.Minute || len(r.app.reports) != 2 {
				t.Errorf("%s at %s: the run took %s, %d reports came\n%s", step, path, took, len(r.app.reports), r.out)
			}
		}
	}
}

// The age of the kept catalog goes by the time since the boot, and is never negative.
func TestAgeOfTheKeptCatalog(t *testing.T) {
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		r := newTestHost(t)
		r.once(catalog.Changed)
		state, _, err := OpenState(r.root.state())
		if err != nil {
			t.Fatal(err)
		}
		r.clock.now = r.clock.now.Add(step)
		r.up += 10 * time.Minute
		if got := r.age(state); got != 10*time.Minute {
			t.Errorf("%s in the same boot: %s", step, got)
		}
		r.boot = "two"
		if got := r.age(state); got <= 0 || got > 24*time.Hour {
			t.Errorf("%s in another boot: %s", step, got)
		}
	}
}

// An appliance that takes connections and says nothing holds up no run: the kept catalog is
// converged without a second try, and the report waits.
func TestBlackHole(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	for _, synchronised := range []bool{false, true} {
		r := newTestHost(t)
		r.once(catalog.Changed)
		r.synchronised = synchronised
		there := r.read("root/etc/rackhand/agent.json")
		r.write("root/etc/motd", "drifted")
		r.write("root/etc/rackhand/agent.json", `{"appliance": "https://`+hole.Addr().String()+`", "host": "web1"}`)
		r.restart()
		r.Patience = 50 * time.Millisecond
		r.pauses, r.up = 0, r.up+10*time.Minute
		r.once(catalog.Changed)
		if r.pauses != 0 || r.read("root/etc/motd") != "hello\n" {
			t.Errorf("%d pauses, /etc/motd is %q", r.pauses, r.read("root/etc/motd"))
		}
		if text := r.out.String(); !strings.Contains(text, "no answer within 50ms") || !strings.Contains(text, "kept_for=10m0s") {
			t.Errorf("the journal:\n%s", text)
		}
		r.write("root/etc/rackhand/agent.json", there)
		r.restart()
		r.once(catalog.OK)
		if n := len(r.app.reports); n != 3 || r.app.reports[1].CatalogAge != 600 || r.app.reports[2].CatalogAge != 0 {
			t.Errorf("%d reports: %+v", n, r.app.reports)
		}
	}
}

// A change that can't be noted isn't made, and asks for no restart later.
func TestMarkThatIsNotKept(t *testing.T) {
	s := &State{path: filepath.Join(t.TempDir(), "nowhere", "state.json")}
	if _, err := s.mark([]string{"service[web]"}, "file[/x]", time.Now()); err == nil || len(s.Pending) > 0 {
		t.Errorf("%v, pending %v", err, s.Pending)
	}
}

// What a kill left behind of the agent's own files goes; nothing else does.
func TestLeftoversAreSwept(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	folder := "root/var/lib/rackhand-agent/"
	for _, name := range []string{".state.json-123", ".catalog.json-4", ".catalog-2.json-4", ".key.pem-5", ".cert.pem-6", ".state.json-backup", "state.json.damaged", ".other-1"} {
		r.write(folder+name, "x")
	}
	r.once(catalog.OK)
	left, err := filepath.Glob(filepath.Join(r.dir, folder, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range left {
		names = append(names, filepath.Base(path))
	}
	if got := strings.Join(names, " "); got != ".other-1 .state.json-backup" || !r.exists(folder+"state.json.damaged") {
		t.Errorf("left: %s", got)
	}
	if _, err := os.Stat(r.root.key()); err != nil {
		t.Error(err)
	}
}
