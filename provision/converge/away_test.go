package converge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// moved restarts the appliance, with a server certificate of today.
func (a *appliance) moved(r *testHost) {
	a.Server.Close()
	a.start()
	r.write("root/etc/rackhand/agent.json", fmt.Sprintf(`{"appliance": %q, "host": "web1"}`, a.URL))
}

func TestApplianceDown(t *testing.T) {
	r := newTestHost(t)
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
	r := newTestHost(t)
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
	r := newTestHost(t)
	r.app.Server.Close()
	if status, err := r.Once(t.Context(), false); err == nil || status != catalog.Failed || r.pauses != attempts-1 {
		t.Errorf("Once = %q, %v after %d pauses", status, err, r.pauses)
	}
	r.app.moved(r)
	r.once(catalog.Changed)
}

func TestRetries(t *testing.T) {
	r := newTestHost(t)
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
