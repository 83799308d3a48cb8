package kickstart

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOracle holds lines against what Python's argparse and shlex, on which Red Hat's
// parser stands, say of them: see testdata/oracle/lines.py, which wrote them with the
// verdicts. A corpus that one person writes has the lines that this person thought of.
func TestOracle(t *testing.T) {
	f, err := os.Open("testdata/oracle/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		release, rest, _ := strings.Cut(lines.Text(), " ")
		want, line, ok := strings.Cut(rest, " ")
		if !ok || !slices.Contains(Releases(), Release(release)) {
			t.Fatalf("not RELEASE VERDICT LINE: %q", lines.Text())
		}
		seen[want]++
		problems, err := checkText(line+"\n", Release(release))
		if err != nil {
			t.Fatal(err)
		}
		got := "accept"
		if len(Errors(problems)) > 0 {
			got = "reject"
		}
		if got != want {
			t.Errorf("%s: %s: %s, want %s\n%s", release, line, got, want, list(problems))
		}
	}
	if len(seen) != 2 || seen["accept"] < 1000 || seen["reject"] < 500 {
		t.Errorf("too few lines: %v", seen)
	}
}
