package file

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReplaceFolder: the new folder has the name, and nothing else is left, whether or not
// there was an old one and whether or not the file system can exchange names.
func TestReplaceFolder(t *testing.T) {
	for _, c := range []struct {
		name    string
		old     bool
		replace func(folder, target string) error
	}{
		{"first", false, ReplaceFolder},
		{"exchange", true, ReplaceFolder},
		{"in two steps", true, replaceInTwo},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			make := func(name, text string) string {
				folder := filepath.Join(dir, name)
				if err := os.Mkdir(folder, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, "file"), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return folder
			}
			if c.old {
				make("target", "old")
			}
			folder := make(".work", "new")
			if err := Sync(filepath.Join(folder, "file")); err != nil {
				t.Fatal(err)
			}
			if err := c.replace(folder, filepath.Join(dir, "target")); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "target/file")); err != nil || string(got) != "new" {
				t.Errorf("the target has %q (%v)", got, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left are %v (%v)", left, err)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if err := ReplaceFolder(missing, missing+"2"); err == nil {
		t.Error("a folder that doesn't exist was put in a place")
	}
}
