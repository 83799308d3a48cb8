package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// A user who puts a link to another file in the place of one that was just looked at doesn't
// get the other one.
func TestAttributesOfALinkedFile(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/other", "secret")
	if err := os.Mkdir(filepath.Join(f.dir, "root/home"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(f.dir, "root/etc/other"), filepath.Join(f.dir, "root/home/mine")); err != nil {
		t.Fatal(err)
	}
	file := &catalog.File{Path: "/home/mine", Ensure: catalog.FileKind}
	p, err := f.files().locate(file)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	w := want{File: file, mode: 0o666, uid: -1, gid: -1}
	if err := w.setAttributes(p); err == nil || !strings.Contains(err.Error(), "second name") {
		t.Errorf("the error is %v", err)
	}
	if mode := f.mode("root/etc/other"); mode != 0o644 {
		t.Errorf("the other file has mode %v", mode)
	}
}
