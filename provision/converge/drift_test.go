package converge

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// TestDrift: the real agent tells what was changed behind its back from what the catalog
// wants otherwise, also after a restart, and keeps no word of a secret for that.
func TestDrift(t *testing.T) {
	r := newTestHost(t)
	key := file("/etc/key", "hunter2")
	key.File.Sensitive = true
	r.app.catalog.Resources = append(r.app.catalog.Resources, key)
	last := func() catalog.Report { return r.app.reports[len(r.app.reports)-1] }
	check := func(when, causes string, drifted int) {
		t.Helper()
		var got []string
		for _, x := range last().Results {
			got = append(got, x.Status+" "+x.Cause)
		}
		if text := strings.Join(got, ", "); text != causes {
			t.Errorf("%s: %s, want %s", when, text, causes)
		}
		if n := last().Totals; n == nil || n.Drifted == nil || *n.Drifted != drifted || n.Resources() != len(last().Results) {
			t.Errorf("%s: totals %+v, want %d drifted", when, n, drifted)
		}
	}
	r.once(catalog.Changed)
	check("first", "changed first, changed first", 0)
	r.restart()
	r.once(catalog.OK)
	check("again", "ok , ok ", 0)
	r.write("root/etc/motd", "by hand\n")
	if status, err := r.Once(t.Context(), true); err != nil || status != catalog.Changed {
		t.Fatal(status, err)
	}
	if !strings.Contains(r.out.String(), "changed=1 drifted=1") {
		t.Errorf("the dry run says nothing of drift:\n%s", r.out)
	}
	r.write("root/etc/key", "by hand")
	r.once(catalog.Changed)
	check("by hand", "changed drift, changed drift", 2)
	r.app.catalog.Version = "v2"
	r.app.catalog.Resources[0] = file("/etc/motd", "bye\n")
	r.once(catalog.Changed)
	check("another catalog", "changed catalog, ok ", 0)
	if err := r.Paths.sweep(); err != nil {
		t.Fatal(err)
	}
	r.write("root/var/lib/rackhand-agent/state.json", "{damaged")
	r.write("root/etc/motd", "by hand\n")
	r.once(catalog.Changed)
	check("its state was lost", "changed first, ok ", 0)
	r.noSecrets()
}

// A report tells how often its agent reports; a single run doesn't.
func TestIntervalIsReported(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	r.Interval = 10 * time.Minute
	r.once(catalog.OK)
	if a, b := r.app.reports[0].Interval, r.app.reports[1].Interval; a != 0 || b != 600 {
		t.Errorf("intervals %v and %v", a, b)
	}
}
