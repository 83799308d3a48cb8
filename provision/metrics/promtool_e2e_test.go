//go:build e2e

package metrics_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// promtool runs Debian's promtool, which `make e2e` unpacks.
func promtool(t *testing.T, dir, in string, args ...string) string {
	t.Helper()
	program := filepath.Join(os.Getenv("RACKHAND_PEERS"), "prometheus/usr/bin/promtool")
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestPromtool: Prometheus' own tool finds nothing wrong with the metrics, the alerts hold what
// their tests say, and it can read each expression of the dashboard.
func TestPromtool(t *testing.T) {
	promtool(t, "", scrape(t, busy(t)), "check", "metrics")
	const shipped = "../../config/monitoring"
	promtool(t, shipped, "", "check", "rules", "rackhand.rules.yaml")
	promtool(t, shipped, "", "test", "rules", "rackhand.rules.test.yaml")
	rules := "groups:\n- name: dashboard\n  rules:\n"
	for i, e := range dashboard(t) {
		rules += fmt.Sprintf("  - {record: panel:%d, expr: '%s'}\n", i, e)
	}
	path := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "", "check", "rules", path)
}
