package converge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

func TestFirstRun(t *testing.T) {
	r := newRig(t)
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
				r := newRig(t)
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

func TestImpostor(t *testing.T) {
	r := newRig(t)
	r.write("root/etc/rackhand/ca.pem", newAppliance(t, r.app.now).caPEM())
	status, err := r.Once(t.Context(), false)
	if err == nil || status != catalog.Failed || !strings.Contains(err.Error(), "not our appliance") {
		t.Errorf("Once = %q, %v", status, err)
	}
	if r.app.calls["/v1/time"] > 0 || r.pauses > 0 || r.clock.sets > 0 || !r.exists("root/etc/rackhand/enrol-token") {
		t.Errorf("something was said to it: %v, %d pauses", r.app.calls, r.pauses)
	}
	// Another name at the right CA is no better.
	r = newRig(t)
	r.write("root/etc/rackhand/agent.json", strings.Replace(r.read("root/etc/rackhand/agent.json"), "127.0.0.1", "localhost", 1))
	if _, err := r.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "not our appliance") {
		t.Errorf("a name that isn't in the certificate: %v", err)
	}
}

func TestTokenRefused(t *testing.T) {
	r := newRig(t)
	r.write("root/etc/rackhand/enrol-token", "wr0ng-token")
	_, err := r.Once(t.Context(), false)
	if err == nil || !strings.Contains(err.Error(), "token is refused") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v", err)
	}
	if r.app.calls["/v1/enrol"] != 1 || !r.exists("root/etc/rackhand/enrol-token") || strings.Contains(r.out.String(), "wr0ng") {
		t.Errorf("asked %d times; token there: %v", r.app.calls["/v1/enrol"], r.exists("root/etc/rackhand/enrol-token"))
	}
	if err := os.Remove(filepath.Join(r.dir, "root/etc/rackhand/enrol-token")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no enrolment token") {
		t.Errorf("without a token: %v", err)
	}
}

// The answer to an enrolment may be lost: the same key asks again.
func TestEnrolmentIsRepeatedWithTheSameKey(t *testing.T) {
	r := newRig(t)
	r.app.fail["/v1/enrol"] = 503
	if _, err := r.Once(t.Context(), false); err == nil {
		t.Fatal("no error while the appliance can't sign")
	}
	key := r.read("root/var/lib/rackhand-agent/key.pem")
	delete(r.app.fail, "/v1/enrol")
	r.restart()
	r.once(catalog.Changed)
	if r.read("root/var/lib/rackhand-agent/key.pem") != key {
		t.Error("another key was made")
	}
}

// A run died after the certificate was kept and before the token was removed; a
// certificate of another appliance or host is no certificate.
func TestIdentityOnDisk(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	r.write("root/etc/rackhand/enrol-token", "left over")
	r.once(catalog.OK)
	if r.exists("root/etc/rackhand/enrol-token") || r.app.calls["/v1/enrol"] != 1 {
		t.Error("the spent token is still there, or was used")
	}
	for name, change := range map[string]func(){
		"damaged certificate": func() { r.write("root/var/lib/rackhand-agent/cert.pem", "x") },
		"damaged key":         func() { r.write("root/var/lib/rackhand-agent/key.pem", "x") },
		"expired, for too long": func() {
			r.app.now = r.app.now.Add(90 * time.Minute)
			r.clock.now, r.app.certs.refuse = r.app.now, true
			r.app.moved(r)
		},
	} {
		change()
		r.write("root/etc/rackhand/enrol-token", r.app.token)
		before := r.app.calls["/v1/enrol"]
		r.restart()
		r.once(catalog.OK)
		if r.app.calls["/v1/enrol"] != before+1 {
			t.Errorf("%s: it did not enrol anew", name)
		}
	}
	r.noSecrets()
}

// moved starts the appliance anew, with a server certificate of today.
func (a *appliance) moved(r *rig) {
	a.Server.Close()
	a.start()
	r.write("root/etc/rackhand/agent.json", fmt.Sprintf(`{"appliance": %q, "host": "web1"}`, a.URL))
}

func TestApplianceDown(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	r.write("root/etc/motd", "drifted")
	r.app.Server.Close()
	r.clock.now = r.clock.now.Add(10 * time.Minute)
	r.up += 10 * time.Minute
	r.restart()
	r.once(catalog.Changed)
	if got := r.read("root/etc/motd"); got != "hello\n" {
		t.Errorf("the cached catalog was not converged: %q", got)
	}
	if r.pauses == 0 || !strings.Contains(r.out.String(), "age=10m0s") {
		t.Errorf("%d pauses; the age of the catalog is wanted in\n%s", r.pauses, r.out)
	}
	r.clock.now = r.app.now
	r.app.moved(r)
	r.restart()
	r.once(catalog.OK)
	if len(r.app.reports) != 3 {
		t.Fatalf("%d reports, want 3", len(r.app.reports))
	}
	late, fetched := r.app.reports[1], r.app.reports[1].CatalogFetched
	if late.Status != catalog.Changed || fetched.Sub(r.app.now).Abs() > time.Minute || late.Started.Sub(fetched) < 9*time.Minute {
		t.Errorf("the report of the run without the appliance: %+v", late)
	}
	if !r.app.reports[2].CatalogFetched.IsZero() {
		t.Errorf("the catalog is fresh again, the report says otherwise: %+v", r.app.reports[2])
	}
}

// A catalog whose age is forgotten is not passed off as fresh.
func TestApplianceDownAndStateLost(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	r.app.fail["/v1/catalog"] = 503
	r.write("root/var/lib/rackhand-agent/state.json", "{damaged")
	r.restart()
	r.once(catalog.OK)
	if last := r.app.reports[len(r.app.reports)-1]; last.CatalogFetched.IsZero() {
		t.Errorf("the report says that the catalog is fresh: %+v", last)
	}
}

func TestApplianceDownAtFirst(t *testing.T) {
	r := newRig(t)
	r.app.Server.Close()
	if status, err := r.Once(t.Context(), false); err == nil || status != catalog.Failed || r.pauses != attempts-1 {
		t.Errorf("Once = %q, %v after %d pauses", status, err, r.pauses)
	}
	r.app.moved(r)
	r.once(catalog.Changed)
}

func TestRetries(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	for _, path := range []string{"/v1/time", "/v1/catalog", "/v1/progress", "/v1/report"} {
		r.app.fail, r.app.failures, r.app.reports, r.pauses = map[string]int{path: 503}, 2, nil, 0
		r.restart()
		r.once(catalog.OK)
		if len(r.app.reports) != 1 || r.pauses != 2 || !r.app.reports[0].CatalogFetched.IsZero() {
			t.Errorf("%s: %d pauses, reports %+v", path, r.pauses, r.app.reports)
		}
	}
}

func TestReportIsKeptAndSentLater(t *testing.T) {
	r := newRig(t)
	r.app.fail["/v1/report"] = 503
	r.once(catalog.Changed)
	r.once(catalog.OK)
	if n := len(r.app.reports); n > 0 {
		t.Fatalf("%d reports came through", n)
	}
	delete(r.app.fail, "/v1/report")
	r.restart()
	r.once(catalog.OK)
	if len(r.app.reports) != 3 || r.app.reports[0].Status != catalog.Changed {
		t.Errorf("reports: %+v", r.app.reports)
	}
	// One that is refused for what it is does not hold up those after it.
	r.app.fail["/v1/report"] = 400
	r.once(catalog.OK)
	delete(r.app.fail, "/v1/report")
	r.app.reports = nil
	r.once(catalog.OK)
	if len(r.app.reports) != 1 {
		t.Errorf("reports: %+v", r.app.reports)
	}
}

// A report that is too large for the appliance arrives without its details.
func TestReportTooLarge(t *testing.T) {
	r := newRig(t)
	for i := range 1500 {
		r.app.catalog.Resources = append(r.app.catalog.Resources, catalog.Resource{
			ID: fmt.Sprintf("file[/etc/%04d]", i), File: &catalog.File{Path: fmt.Sprintf("/etc/%04d", i), Ensure: "absent"},
		})
	}
	r.app.largest = 50 << 10
	r.once(catalog.Changed)
	if len(r.app.reports) != 1 || r.app.reports[0].Status != catalog.Changed || len(r.app.reports[0].Results) == 0 || len(r.app.reports[0].Results) > 1000 {
		t.Errorf("%d reports arrived", len(r.app.reports))
	}
	if x := r.app.reports[0]; x.Shortened == nil || x.Shortened.Results != 1501-len(x.Results) || x.Count().Resources() != 1501 {
		t.Errorf("it was shortened and says %+v, %+v", x.Shortened, x.Totals)
	}
	// One that takes none is told of it when it does again.
	r.app.largest = 10
	r.once(catalog.OK)
	r.app.largest, r.app.reports = 0, nil
	r.once(catalog.OK)
	if len(r.app.reports) != 1 || r.app.reports[0].Dropped != 1 {
		t.Errorf("reports: %d", len(r.app.reports))
	}
}

// An appliance that has had enough for now is left alone until the next run. The oldest
// reports go when too many wait, and that is said.
func TestTooManyReports(t *testing.T) {
	r := newRig(t)
	r.app.fail["/v1/report"], r.app.after = 429, "60"
	r.once(catalog.Changed)
	if r.pauses != 0 || r.app.calls["/v1/report"] != 1 {
		t.Errorf("asked %d times, with %d pauses", r.app.calls["/v1/report"], r.pauses)
	}
	for range maxUnsent + 4 {
		r.once(catalog.OK)
	}
	if !strings.Contains(r.out.String(), "the oldest reports are dropped") {
		t.Error("nothing is said of reports that are dropped")
	}
	delete(r.app.fail, "/v1/report")
	r.restart()
	r.once(catalog.OK)
	r.once(catalog.OK)
	var dropped []int
	for _, x := range r.app.reports {
		if x.Dropped > 0 {
			dropped = append(dropped, x.Dropped)
		}
	}
	if len(r.app.reports) != maxUnsent+1 || len(dropped) != 1 || dropped[0] != 6 {
		t.Errorf("%d reports arrived, which tell of %v that were dropped", len(r.app.reports), dropped)
	}
}

func TestBadCatalog(t *testing.T) {
	r := newRig(t)
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
			t.Errorf("the appliance is told: %+v", r.app.reports)
		}
		r.app.catalog = good
	}
}

// A refusal is the appliance's word: the catalog of before no longer counts.
func TestRefusedHost(t *testing.T) {
	r := newRig(t)
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
	r := newRig(t)
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
	r := newRig(t)
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

// Run goes on until it is told to end, and comes back sooner after a failure.
func TestRun(t *testing.T) {
	r := newRig(t)
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
