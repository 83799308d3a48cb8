package files

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// A program of a user doesn't run with the rights of the owner that it gets.
func TestModeOfAFileThatChangesHands(t *testing.T) {
	const reg, dir = unix.S_IFREG, unix.S_IFDIR
	for _, tc := range []struct {
		now      unix.Stat_t
		uid, gid int
		want     uint32
	}{
		{unix.Stat_t{Mode: reg | 0o6755, Uid: 1000, Gid: 1000}, 0, -1, 0o755},
		{unix.Stat_t{Mode: reg | 0o6755, Uid: 1000, Gid: 1000}, -1, 42, 0o755},
		{unix.Stat_t{Mode: reg | 0o6755, Uid: 1000, Gid: 1000}, 1000, 1000, 0o6755},
		{unix.Stat_t{Mode: reg | 0o6755, Uid: 1000, Gid: 1000}, -1, -1, 0o6755},
		{unix.Stat_t{Mode: dir | 0o2775, Uid: 1000, Gid: 1000}, 0, -1, 0o2775},
	} {
		w := want{File: &catalog.File{}, mode: -1, uid: tc.uid, gid: tc.gid}
		if got := w.undeclaredMode(&tc.now); got != tc.want {
			t.Errorf("%o to %d:%d: %04o, want %04o", tc.now.Mode, tc.uid, tc.gid, got, tc.want)
		}
	}
}

// The same on the disk, in the place of a file and below a directory.
func TestChangingHandsOnDisk(t *testing.T) {
	f := newHost(t)
	uid, gid := os.Geteuid(), 65534
	if uid != 0 { // a group of one's own, if there is another one
		groups, err := os.Getgroups()
		if err != nil {
			t.Fatal(err)
		}
		gid = groups[len(groups)-1]
	}
	for _, name := range []string{"root/home/sh", "root/home/tree/sh"} {
		f.write(name, "program")
		if err := os.Chmod(filepath.Join(f.dir, name), 0o755|os.ModeSetuid); err != nil {
			t.Fatal(err)
		}
	}
	group := strconv.Itoa(gid)
	for _, file := range []*catalog.File{
		{Path: "/home/sh", Ensure: catalog.FileKind, Content: "program", Group: group},
		{Path: "/home/tree", Ensure: catalog.Directory, Recurse: true, Group: group},
	} {
		if err := f.files().Apply(t.Context(), file); err != nil {
			t.Fatal(err)
		}
	}
	if gid == os.Getegid() {
		return // nothing changed hands
	}
	for _, name := range []string{"root/home/sh", "root/home/tree/sh"} {
		if mode := f.mode(name); mode != 0o755 {
			t.Errorf("%s has mode %v", name, mode)
		}
	}
}

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
