package converge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/files"
)

// TestTimerOfAService: a timer doesn't replace the service of a package, such as sshd's.
func TestTimerOfAService(t *testing.T) {
	f := &files.Files{Root: t.TempDir()}
	for _, name := range []string{
		"usr/lib/systemd/system/ssh.service", "usr/lib/systemd/system/logrotate.service", "usr/lib/systemd/system/logrotate.timer",
		"lib/systemd/system/old.service", "etc/systemd/system/mine.timer", "usr/lib/systemd/system/mine.service",
	} {
		name = filepath.Join(f.Root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, ensure string
		refused      bool
	}{
		{"ssh", catalog.Present, true},
		{"old", catalog.Present, true},
		{"ssh", catalog.Absent, false},
		{"logrotate", catalog.Present, false},
		{"backup", catalog.Present, false},
		{"mine", catalog.Present, false},
	} {
		err := replacesService(f, &catalog.Timer{Name: tc.name, Ensure: tc.ensure})
		if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), "choose another name") {
			t.Errorf("%s, %s: %v", tc.name, tc.ensure, err)
		}
	}
	if err := replacesService(f, nil); err != nil {
		t.Error(err)
	}
}
