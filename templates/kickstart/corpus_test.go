package kickstart

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the corpus's .golden files")

// secret marks what stands where a password stands, in the corpus. No message may
// have it.
const secret = "S3CRET"

// A corpusCase is one Kickstart with what becomes of it, by its name:
// NAME--RELEASE[,RELEASE...]--accept|warn|reject.
type corpusCase struct {
	name     string
	releases []Release
	verdict  string
	text     string
}

func readCorpus(t testing.TB, path string) []corpusCase {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	for _, f := range archive.Files {
		parts := strings.Split(f.Name, "--")
		if len(parts) != 3 || !slices.Contains([]string{"accept", "warn", "reject"}, parts[2]) {
			t.Fatalf("%s: the name %q is not NAME--RELEASES--accept|warn|reject", path, f.Name)
		}
		c := corpusCase{name: f.Name, verdict: parts[2], text: string(f.Data)}
		for r := range strings.SplitSeq(parts[1], ",") {
			if r == "all" {
				c.releases = Releases()
			} else if c.releases = append(c.releases, Release(r)); !slices.Contains(Releases(), Release(r)) {
				t.Fatalf("%s: %s: no release %s", path, f.Name, r)
			}
		}
		cases = append(cases, c)
	}
	return cases
}

func corpusFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	return paths
}

// checkText checks a text for a release; there is nothing that %ksappend could read.
func checkText(text string, r Release) ([]*Problem, error) {
	return CheckText("ks", []byte(text), r, func(string) ([]byte, error) { return nil, errors.New("not found") })
}

func verdict(problems []*Problem) string {
	switch {
	case len(Errors(problems)) > 0:
		return "reject"
	case len(problems) > 0:
		return "warn"
	}
	return "accept"
}

// within reports whether a problem's place is one in the text: a character, or the
// end of a line.
func within(text string, r Release, at Pos) bool {
	lines := dialectOf(r).splitLines(text)
	if len(lines) == 0 {
		lines = []string{""}
	}
	return at.Line >= 1 && at.Line <= len(lines) && at.Col >= 1 && at.Col <= len([]rune(lines[at.Line-1]))+1
}

// TestCorpus holds every file of the corpus against the verdict in its name, and its
// problems against the golden file, so that a golden file that was written without
// a look can't hide a wrong verdict.
func TestCorpus(t *testing.T) {
	total := 0
	for _, path := range corpusFiles(t) {
		area := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(area, func(t *testing.T) {
			var golden strings.Builder
			for _, c := range readCorpus(t, path) {
				total += len(c.releases)
				golden.WriteString(checkCase(t, c))
			}
			compareGolden(t, filepath.Join("testdata/corpus", area+".golden"), golden.String())
		})
	}
	if total < 1000 {
		t.Errorf("the corpus has shrunk to %d cases", total)
	}
}

// checkCase checks one file for its releases and returns its part of the golden file.
func checkCase(t *testing.T, c corpusCase) string {
	t.Helper()
	var found []string // the problems, once for the releases that have the same
	of := map[string][]string{}
	for _, r := range c.releases {
		problems, err := checkText(c.text, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict(problems); got != c.verdict {
			t.Errorf("%s: %s: %s\n%s\n%s", c.name, r, got, c.text, list(problems))
		}
		for _, p := range problems {
			if !within(c.text, r, p.Pos) {
				t.Errorf("%s: %s: there is no place %s", c.name, r, p.Pos)
			}
			if strings.Contains(p.Error(), secret) {
				t.Errorf("%s: %s: shows a password: %s", c.name, r, p.Error())
			}
			if strings.ContainsFunc(p.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%s: %s: more than one line: %q", c.name, r, p.Error())
			}
		}
		key := strings.ReplaceAll(list(problems), string(r), "RELEASE")
		if of[key] == nil {
			found = append(found, key)
		}
		of[key] = append(of[key], string(r))
	}
	var b strings.Builder
	for _, key := range found {
		if key != "" {
			fmt.Fprintf(&b, "-- %s: %s\n%s\n", c.name, strings.Join(of[key], " "), key)
		}
	}
	return b.String()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got, go test -update after a look):\n%s", path, diff)
	}
}
