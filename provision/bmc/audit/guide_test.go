package audit_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"rackhand/provision/bmc/audit"
)

// TestGuide: the guide's table has each kind of finding (-update writes it).
func TestGuide(t *testing.T) {
	const path, head = "../../../docs/guide/bmc-audit.md", "| finding | severity | |\n|---|---|---|\n"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(b), head)
	_, after, ends := strings.Cut(after, "\n- A certificate")
	if !found || !ends {
		t.Fatalf("%s has no table of findings", path)
	}
	var rows strings.Builder
	for _, k := range audit.Kinds() {
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", k.Kind, k.Severity, k.What)
	}
	want := before + head + rows.String() + "\n- A certificate" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(b) {
		t.Errorf("%s has another table of findings (-update writes it), it should be:\n%s", path, rows.String())
	}
}
