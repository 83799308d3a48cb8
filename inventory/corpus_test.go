package inventory

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// The corpus is as big as it should be, and every problem comes with a hint.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d archives (%v)", len(paths), err)
	}
	told := 0
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, f := range a.Files {
			writeFile(t, filepath.Join(dir, f.Name), string(f.Data))
		}
		_, problems := Load(dir, testOptions())
		told += len(problems)
		for _, p := range problems {
			if p.Hint == "" {
				t.Errorf("%s: no hint:\n%s", path, p)
			}
			if p.Line > 0 && p.Text == "" && p.Column > 1 && !strings.HasPrefix(p.Message, "and ") {
				t.Errorf("%s: no line is shown:\n%s", path, p)
			}
		}
	}
	t.Logf("%d archives, %d problems", len(paths), told)
}
