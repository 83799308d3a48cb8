package twin

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rackhand/inventory/role"
)

var update = flag.Bool("update", false, "write the guide's table of differences")

const page = "../../../docs/guide/coming-from-puppet.md"

// TestPairs: the roles of all pairs are read without a problem, and each pair has a name of
// its own.
func TestPairs(t *testing.T) {
	dir, seen := t.TempDir(), map[string]bool{}
	all := pairs()
	for i := range all {
		p := &all[i]
		if seen[p.name] {
			t.Errorf("two pairs are called %s", p.name)
		}
		seen[p.name] = true
		files := map[string]string{"roles/" + p.name + ".yaml": p.roleText()}
		maps.Copy(files, p.files)
		for name, text := range files {
			if role, ok := strings.CutPrefix(name, "roles/"); ok {
				if err := os.WriteFile(filepath.Join(dir, role), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, problems := role.Load(dir); len(problems) > 0 {
		t.Error(problems)
	}
	if len(seen) < 25 {
		t.Errorf("there are %d pairs, at least 25 are wanted", len(seen))
	}
}

// TestGuide: the guide names each difference that a pair allows.
func TestGuide(t *testing.T) {
	const begin, end = "<!-- pairs: `go test ./provision/converge/twin -run TestGuide -update` writes this -->\n", "<!-- end of pairs -->\n"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines %q and %q", page, begin, end)
	}
	want := before + begin + table(pairs()) + end + after
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the pairs: run this test with -update", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// table lists the differences of pairs as the guide shows them.
func table(all []pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d pairs of declarations are tried by each `make test`. They differ in this:\n\n| pair | difference |\n|---|---|\n", len(all))
	for _, p := range all {
		var lines []string
		for _, text := range []string{p.refuses, p.repeats} {
			if text != "" {
				lines = append(lines, text)
			}
		}
		for _, reasons := range []map[string]string{p.differs, p.stays} {
			for _, key := range slices.Sorted(maps.Keys(reasons)) {
				if reasons[key] != "" && !slices.Contains(lines, reasons[key]) {
					lines = append(lines, reasons[key])
				}
			}
		}
		if len(lines) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", p.name, strings.Join(lines, " "))
		}
	}
	return b.String()
}
