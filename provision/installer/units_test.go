package installer

import (
	"os"
	"path/filepath"
	"testing"
)

// TestUnitBehind: the names that Kickstarts use stand for the units that the system has.
func TestUnitBehind(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"usr/lib/systemd/system/ssh.service":        "[Unit]\nAlias=decoy.service\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service other.service\n",
		"usr/lib/systemd/system/nfs-server.service": "[Install]\nWantedBy=multi-user.target\n",
		"usr/lib/systemd/system/ssh.socket":         "[Install]\nWantedBy=sockets.target\n",
		"usr/lib/systemd/system/getty@.service":     "[Install]\n",
		"opt/own.service":                           "[Install]\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"usr/lib/systemd/system/nfs-kernel-server.service": "nfs-server.service",
		"usr/lib/systemd/system/two.service":               "nfs-kernel-server.service",
		"etc/systemd/system/masked.service":                "/dev/null",
		"etc/systemd/system/own.service":                   "/opt/own.service",
		"etc/systemd/system/loop.service":                  "pool.service",
		"etc/systemd/system/pool.service":                  "loop.service",
		"etc/systemd/system/out.service":                   "/../../../../etc/passwd",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	look := func(when string, want map[string]string) {
		t.Helper()
		for name, want := range want {
			if got, _ := unitBehind(root, name); got != want {
				t.Errorf("%s: %s stands for %s, want %s", when, name, got, want)
			}
		}
	}
	look("before it is enabled", map[string]string{
		"ssh": "ssh.service", "sshd": "ssh.service", "sshd.service": "ssh.service", "other": "ssh.service", "decoy": "decoy.service",
		"nfs-kernel-server": "nfs-server.service", "two": "nfs-server.service", "ssh.socket": "ssh.socket", "sshd.socket": "sshd.socket",
		"masked": "masked.service", "getty@tty1": "getty@tty1.service", "own": "own.service", "nosuch": "nosuch.service", "out": "out.service",
	})
	unitBehind(root, "loop") // it ends
	for name, want := range map[string]bool{"sshd": true, "nosuch": false, "masked": true, "getty@tty1": true, "none@1": false} {
		if _, got := unitBehind(root, name); got != want {
			t.Errorf("%s is there: %v", name, got)
		}
	}
	// Enabled, its alias is a link in /etc.
	if err := os.Symlink("/usr/lib/systemd/system/ssh.service", filepath.Join(dir, "etc/systemd/system/sshd.service")); err != nil {
		t.Fatal(err)
	}
	look("once it is enabled", map[string]string{"sshd": "ssh.service", "ssh": "ssh.service"})
}
