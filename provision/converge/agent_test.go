package converge

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

func TestFirstRun(t *testing.T) {
	r := newTestHost(t)
	r.app.catalog.Resources = append(r.app.catalog.Resources, catalog.Resource{
		ID: "file[/etc/pw]", File: &catalog.File{Path: "/etc/pw", Ensure: "file", Content: "hunter2", Sensitive: true},
	})
	r.app.enrolled = func() {
		if !r.exists("root/etc/rackhand/enrol-token") || !r.exists("root/var/lib/rackhand-agent/key.pem") || r.exists("root/var/lib/rackhand-agent/cert.pem") {
			t.Error("while enrolling, token and key are on disk and no certificate")
		}
	}
	r.once(catalog.Changed)
	for name, there := range map[string]bool{
		"root/etc/rackhand/enrol-token": false, "root/var/lib/rackhand-agent/cert.pem": true,
		"root/var/lib/rackhand-agent/catalog-2.json": true, "root/etc/motd": true,
	} {
		if r.exists(name) != there {
			t.Errorf("%s is there: %v, want %v", name, !there, there)
		}
	}
	for _, name := range []string{"key.pem", "cert.pem", "catalog-2.json", "state.json"} {
		if m := r.mode("root/var/lib/rackhand-agent/" + name); m.Perm() != 0o600 {
			t.Errorf("%s is %v", name, m)
		}
	}
	if len(r.app.progress) != 1 || r.app.progress[0] != (catalog.Progress{Version: "v1", Resources: 2}) {
		t.Errorf("progress: %+v", r.app.progress)
	}
	if len(r.app.reports) != 1 || r.app.reports[0].Status != catalog.Changed || len(r.app.reports[0].Results) != 2 || !r.app.reports[0].CatalogFetched.IsZero() {
		t.Errorf("reports: %+v", r.app.reports)
	}
	r.once(catalog.OK)
	r.restart()
	r.once(catalog.OK)
	if r.app.calls["/v1/enrol"] != 1 || len(r.app.reports) != 3 || r.clock.sets != 0 {
		t.Errorf("calls %v, %d reports, clock set %d times", r.app.calls, len(r.app.reports), r.clock.sets)
	}
	r.noSecrets()
}

func TestWrongClock(t *testing.T) {
	for _, year := range []int{1970, 2099} {
		for _, refuse := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, may not be set %v", year, refuse), func(t *testing.T) {
				r := newTestHost(t)
				r.clock.now, r.clock.refuse = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), refuse
				r.once(catalog.Changed)
				if r.clock.sets != 1 || !refuse && r.clock.now.Sub(r.app.now).Abs() > maxSkew {
					t.Errorf("set %d times, now %s", r.clock.sets, r.clock.now)
				}
				if got := r.app.reports[0].Started.Sub(r.app.now).Abs(); got > time.Minute {
					t.Errorf("the report is %s off", got)
				}
			})
		}
	}
}

func TestBadCatalog(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	for _, change := range []func(c *catalog.Catalog){
		func(c *catalog.Catalog) { c.Host = "web2" },
		func(c *catalog.Catalog) { c.Resources = []catalog.Resource{pkg("-oX", "present")} },
		func(c *catalog.Catalog) { c.Resources[0].File = nil },
	} {
		good := r.app.catalog
		bad := good
		bad.Version = "v2"
		bad.Resources = append([]catalog.Resource(nil), good.Resources...)
		change(&bad)
		r.app.catalog, r.app.reports = bad, nil
		status, err := r.Once(t.Context(), false)
		if err == nil || status != catalog.Failed || !strings.Contains(err.Error(), "refused") {
			t.Errorf("Once = %q, %v", status, err)
		}
		if len(r.app.reports) != 1 || r.app.reports[0].Status != catalog.Failed || !strings.Contains(r.app.reports[0].Error, "refused") {
			t.Errorf("reports: %+v", r.app.reports)
		}
		r.app.catalog = good
	}
}

// A refusal is the appliance's word: the catalog of before no longer counts.
func TestRefusedHost(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	r.write("root/etc/motd", "drifted")
	r.app.fail["/v1/catalog"] = 403
	if _, err := r.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "403 Forbidden: not today") {
		t.Errorf("got %v", err)
	}
	if got := r.read("root/etc/motd"); got != "drifted" {
		t.Errorf("the old catalog was converged: %q", got)
	}
}

func TestDryRunOfTheAgent(t *testing.T) {
	r := newTestHost(t)
	if _, err := r.Once(t.Context(), true); err == nil || !strings.Contains(err.Error(), "doesn't enrol") {
		t.Errorf("before enrolment: %v", err)
	}
	r.once(catalog.Changed)
	for _, want := range []string{catalog.OK, catalog.Changed} {
		if status, err := r.Once(t.Context(), true); err != nil || status != want {
			t.Errorf("a dry run is %q, %v; want %q", status, err, want)
		}
		r.write("root/etc/motd", "drifted")
	}
	if len(r.app.reports) != 1 || r.read("root/etc/motd") != "drifted" {
		t.Errorf("a dry run left %q and %d reports", r.read("root/etc/motd"), len(r.app.reports))
	}
}

func TestOneRunAtATime(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	unlock, err := lockRun(t.Context(), r.root.lock(), "", Sleep)
	if err != nil {
		t.Fatal(err)
	}
	r.Sleep = Sleep
	r.LockWait = time.Millisecond
	if _, err := r.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second run: %v", err)
	}
	unlock()
	r.once(catalog.OK)
}

// Run goes on until its context ends, and repeats a failed run sooner.
func TestRun(t *testing.T) {
	r := newTestHost(t)
	r.app.fail["/v1/enrol"] = 403
	ctx, cancel := context.WithCancel(t.Context())
	var pauses []time.Duration
	r.Sleep = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		switch len(pauses) {
		case 2:
			delete(r.app.fail, "/v1/enrol")
		case 4:
			cancel()
		}
		return ctx.Err()
	}
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(pauses) != 4 || pauses[0] != 15*time.Second || pauses[1] != 30*time.Second || pauses[2] < 27*time.Minute || pauses[3] < 27*time.Minute {
		t.Errorf("pauses: %v", pauses)
	}
}
