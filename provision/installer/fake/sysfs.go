package fake

import (
	"os"
	"path/filepath"
	"testing"
)

// Sysfs makes a /sys of files, and links in its block folder to the disks'
// places below devices.
func Sysfs(t *testing.T, files map[string]string, disks ...string) string {
	t.Helper()
	sys := t.TempDir()
	for name, text := range files {
		path := filepath.Join(sys, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(sys+"/block", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range disks {
		if err := os.MkdirAll(filepath.Join(sys, d), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../"+d, filepath.Join(sys, "block", filepath.Base(d))); err != nil {
			t.Fatal(err)
		}
	}
	return sys
}
