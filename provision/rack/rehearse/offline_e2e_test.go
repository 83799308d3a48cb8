//go:build e2e

package rehearse_test

import (
	"os"
	"path/filepath"
	"strings"

	"rackhand/provision"
)

// prefetchThenOffline fills the mirror cache for later boxes, and restarts the appliance
// with an offline mirror: the prefetched files must be enough.
func (r *rehearsal) prefetchThenOffline() {
	r.t.Helper()
	out := r.rackhand("mirror", "prefetch", "debian12")
	if !strings.Contains(out, " nginx") || !strings.Contains(out, "were fetched now") || strings.Contains(out, "no archive has") {
		r.t.Fatalf("prefetch says %q", out)
	}
	r.t.Log(out)
	if err := r.KillAppliance(); err != nil {
		r.t.Fatal(err)
	}
	config := filepath.Join(filepath.Dir(r.Inventory), "rackhand.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		r.t.Fatal(err)
	}
	off := strings.Replace(string(text), "mirror:\n", "mirror:\n  offline: true\n", 1)
	if off == string(text) {
		r.t.Fatal("the settings have no mirror")
	}
	if err := os.WriteFile(config, []byte(off), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := r.StartAppliance(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	found := false
	for _, e := range r.events("") {
		found = found || e.Kind == "prefetched" && e.Source == "operator" && e.Stage == provision.Stage("")
	}
	if !found {
		r.t.Error("the journal doesn't tell of what was fetched ahead")
	}
}
