package web

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestListenUnix: of what bears the socket's name, only a socket that nobody listens on
// is replaced; all else stays as it is.
func TestListenUnix(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: in("dead")})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	live, err := net.Listen("unix", in("live"))
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: in("datagrams")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, err := range []error{
		os.WriteFile(in("file"), []byte("kept"), 0o644), os.Mkdir(in("folder"), 0o755), syscall.Mkfifo(in("pipe"), 0o644),
		os.Symlink("file", in("link")), os.Symlink("dead", in("link-to-dead")), os.Symlink("none", in("dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"file": "not a socket", "folder": "not a socket", "pipe": "not a socket", "link": "not a socket", "link-to-dead": "not a socket", "dangling": "not a socket",
		"live": "answers there already", "datagrams": "another program's",
	} {
		before, err := os.Lstat(in(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ListenUnix(in(name), 0o600); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if after, err := os.Lstat(in(name)); err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
			t.Errorf("%s was touched: %v, %v", name, after, err)
		}
	}
	if b, err := os.ReadFile(in("file")); string(b) != "kept" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for _, name := range []string{"dead", "new"} {
		l, err := ListenUnix(in(name), 0o600)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if st, err := os.Stat(in(name)); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
		l.Close()
	}
}
