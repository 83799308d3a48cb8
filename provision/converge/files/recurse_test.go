package files

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rackhand/provision/catalog"
)

func TestRecurse(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\nme:x:0:0::/:/bin/sh\n")
	for _, name := range []string{"a", "sub/b", "sub/own", "other/c"} {
		f.write("root/srv/www/"+name, "")
	}
	f.write("root/elsewhere/x", "")
	f.symlink("../../elsewhere", "root/srv/www/link")
	if err := syscall.Mkfifo(filepath.Join(f.dir, "root/srv/www/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := catalog.File{Path: "/srv/www", Ensure: catalog.Directory, Recurse: true, Mode: "2640", Declared: []string{"sub/own"}}
	f.steps(
		step{"changed", file, "mode 0755 → 2750; recurse changes owner, group or mode of 5 entries: a, other, other/c, sub, sub/b"},
		step{"held", file, ""},
	)
	for name, want := range map[string]os.FileMode{
		"root/srv/www": os.ModeDir | os.ModeSetgid | 0o750, "root/srv/www/sub": os.ModeDir | os.ModeSetgid | 0o750, "root/srv/www/sub/b": 0o640,
		"root/srv/www/sub/own": 0o644, "root/elsewhere": os.ModeDir | 0o755, "root/elsewhere/x": 0o644, "root/srv/www/pipe": os.ModeNamedPipe | 0o600,
	} {
		if got := f.mode(name); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
	if err := os.Chmod(filepath.Join(f.dir, "root/srv/www/a"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.steps(step{"drift", file, "recurse changes owner, group or mode of 1 entry, a"})
	// A user of the directory links a file of another one into it.
	if err := os.Link(filepath.Join(f.dir, "root/elsewhere/x"), filepath.Join(f.dir, "root/srv/www/hard")); err != nil {
		t.Fatal(err)
	}
	f.steps(step{"a hard link", file, "error: recurse would change a file with more than one name, hard: a hard link elsewhere would change too"})
	if f.mode("root/elsewhere/x") != 0o644 {
		t.Error("changed through a hard link")
	}
}
