package files

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/x", "one\n")
	f.write("root/srv/large", "12345")
	for name, target := range map[string]string{"link": "x", "dangling": "none", "folder": "/srv"} {
		if err := os.Symlink(target, filepath.Join(f.dir, "root/srv", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(f.dir, "root/srv/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, content, err string }{
		{"/srv/x", "one\n", ""},
		{"/srv/folder/x", "one\n", ""},
		{"/srv/none", "", ""},
		{"/none/x", "", ""},
		{"/srv/large", "", "reading /srv/large: it is larger than 4 bytes"},
		{"/srv/pipe", "", "reading /srv/pipe: it is not a regular file"},
		{"/srv", "", "reading /srv: it is not a regular file"},
		{"/srv/link", "", "/srv/link is a symbolic link, and is not followed"},
		{"/srv/dangling", "", "/srv/dangling is a symbolic link, and is not followed"},
		{"/srv/x/y", "", "not a directory"},
	} {
		content, there, err := f.files().Read(t.Context(), tt.path, 4)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want %q", tt.path, err, tt.err)
			}
		} else if err != nil || string(content) != tt.content || there != (tt.content != "") {
			t.Errorf("%s: %q, %v, %v", tt.path, content, there, err)
		}
	}
	files := f.files()
	files.Trust = func(uint32) bool { return false }
	if _, _, err := files.Read(t.Context(), "/srv/folder/x", 4); err == nil || !strings.Contains(err.Error(), "is not followed") {
		t.Errorf("through a foreign user's link: %v", err)
	}
}
