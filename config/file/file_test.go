package file

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOpen: files such as a pipe without a writer or a device without an end are refused
// at once.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	l, err := net.Listen("unix", in("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, err := range []error{
		syscall.Mkfifo(in("pipe"), 0o600), os.Mkdir(in("folder"), 0o700), os.WriteFile(in("plain"), []byte("12345"), 0o600),
		os.Symlink("plain", in("link")), os.Symlink("pipe", in("link-to-pipe")), os.Symlink("ring", in("ring")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		in("pipe"): "a pipe", in("link-to-pipe"): "a pipe", in("folder"): "a folder", in("socket"): "a socket", "/dev/zero": "a device", "/dev/tty": "",
		in("plain"): "", in("link"): "",
	} {
		f, err := Open(path)
		if err == nil {
			f.Close()
		}
		if path == "/dev/tty" { // without a terminal there is another error
			if err == nil {
				t.Errorf("%s was opened", path)
			}
			continue
		}
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrKind) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := Open(in("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if b, err := Read(in("link"), 5); string(b) != "12345" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := Read(in("plain"), 4); b != nil || err == nil || !strings.Contains(err.Error(), "larger than the 4") {
		t.Errorf("%q, %v", b, err)
	}
}

func TestPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o600: "", 0o400: "", 0o700: "", 0o640: "chmod 0600", 0o604: "chmod 0600", 0o660: "chmod 0600", 0o444: "chmod 0400", 0o602: "chmod 0600"} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := Private(path)
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrExposed) || !strings.Contains(err.Error(), want+" "+path)) {
			t.Errorf("%04o: %v, want %q", mode, err, want)
		}
		if guarded := Guarded(path); (guarded == nil) != (mode&0o022 == 0) {
			t.Errorf("%04o: %v", mode, guarded)
		}
	}
	if err := Private(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Chown(path, 12345, 0)); err != nil {
		t.Fatal(err)
	}
	if err := Private(path); !errors.Is(err, ErrExposed) || !strings.Contains(err.Error(), "user 12345") {
		t.Errorf("another's file: %v", err)
	}
}

func TestFree(t *testing.T) {
	if free, err := Free(t.TempDir()); err != nil || free < 0 {
		t.Errorf("%d, %v", free, err)
	}
	if _, err := Free(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that isn't there has room")
	}
}
