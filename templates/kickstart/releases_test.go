package kickstart

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// TestReleasesOwnParsers compares the check with each release's own parser. RHEL 7 to 10
// ship others than the newest one (pykickstart 1.99.66.22, 3.16.16, 3.32.15, 3.52.13). Each
// line of the file is a release, a Kickstart and whether that parser takes it. A warning is
// not a refusal.
func TestReleasesOwnParsers(t *testing.T) {
	f, err := os.Open("testdata/releases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var c struct {
			Release Release
			KS      string
			OK      bool
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		problems, err := checkText(c.KS, c.Release)
		if err != nil {
			t.Fatal(err)
		}
		if ok := len(Errors(problems)) == 0; ok != c.OK {
			t.Errorf("%s: %q: accepted is %v, want %v\n%s", c.Release, c.KS, ok, c.OK, list(problems))
		}
	}
	if n < 33 {
		t.Errorf("%d lines", n)
	}
}
