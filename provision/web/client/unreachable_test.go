package client

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnreachable: the error distinguishes absence, an end and permission.
func TestUnreachable(t *testing.T) {
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "stale")})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	for name, want := range map[string]string{
		"none":  "no appliance runs here: there is no socket ",
		"stale": "nothing listens on ",
	} {
		if _, err := New(filepath.Join(dir, name)).Status(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "`rackhand serve`") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	// Root may open every socket, so the error is made here. The e2e tests have a real one.
	closed := filepath.Join(dir, "stale")
	if os.Getuid() == 0 {
		if err := os.Chown(closed, 0, 123456789); err != nil {
			t.Fatal(err)
		}
	}
	for mode, group := range map[os.FileMode]bool{0o600: false, 0o660: true} {
		if err := os.Chmod(closed, mode); err != nil {
			t.Fatal(err)
		}
		text := unreachable(closed, fmt.Errorf("dial: %w", fs.ErrPermission)).Error()
		if !strings.Contains(text, "permission denied: "+closed+": you must be root") || strings.Contains(text, " or in the group ") != group {
			t.Errorf("mode %o: %s", mode, text)
		}
	}
}
