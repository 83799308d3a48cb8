//go:build e2e

package files

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

func TestMountPoints(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/www/old/x", "")
	f.write("root/srv/www/same", "")
	f.write("root/elsewhere/x", "")
	for _, name := range []string{"root/srv/www/bound", "root/srv/www/old/in"} {
		at := filepath.Join(f.dir, name)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		// A bind mount is on the same device.
		if err := unix.Mount(filepath.Join(f.dir, "root/elsewhere"), at, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(at, unix.MNT_DETACH)
	}
	f.steps(
		step{"without force", catalog.File{Path: "/srv/www", Ensure: catalog.Directory, Purge: true}, "error: purge would remove a directory with content, old: "},
		step{"purge", forced(catalog.File{Path: "/srv/www", Ensure: catalog.Directory, Purge: true}), "purge removes 2 entries: old/x, same"},
		step{"recurse", catalog.File{Path: "/srv/www", Ensure: catalog.Directory, Recurse: true, Mode: "0700"}, "mode 0755 → 0700; recurse changes owner, group or mode of 1 entry, old"},
		step{"removal", forced(catalog.File{Path: "/srv/www", Ensure: catalog.Absent}), "error: /srv/www can't be removed: in it, something is mounted at bound, old/in"},
		step{"of the mount point", forced(catalog.File{Path: "/srv/www/bound", Ensure: catalog.Absent}), "error: something is mounted at ."},
	)
	if got, want := f.tree("root/srv/www"), []string{"bound", "bound/x", "old", "old/in", "old/in/x"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if f.mode("root/elsewhere/x") != 0o644 || f.mode("root/elsewhere") != os.ModeDir|0o755 {
		t.Error("what is mounted has changed")
	}
}

// A file system without access control lists refuses them, and takes a declaration of none.
func TestWithoutACL(t *testing.T) {
	f := newHost(t)
	at := filepath.Join(f.dir, "root/srv")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("ramfs", at, "ramfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(at, unix.MNT_DETACH)
	file := catalog.File{Path: "/srv/x", Ensure: catalog.FileKind, Content: "x", ACL: []string{"user:33:r"}}
	if _, err := f.applyFile(file); err == nil || !strings.Contains(err.Error(), "its file system keeps no access control lists") {
		t.Errorf("got %v", err)
	}
	file.ACL = []string{}
	f.steps(step{"none", file, "made, 1 bytes"}, step{"held", file, ""})
	if left := f.leftovers("root/srv", "x"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestManyEntries(t *testing.T) {
	f := newHost(t)
	dir := filepath.Join(f.dir, "root/srv/many")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m,nr_inodes=0"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	for i := range maxEntries + 1 {
		if err := unix.Mknod(filepath.Join(dir, fmt.Sprint(i)), unix.S_IFREG|0o644, 0); err != nil {
			t.Fatal(err)
		}
	}
	purge := catalog.File{Path: "/srv/many", Ensure: catalog.Directory, Purge: true}
	f.steps(step{"too many", purge, "error: there are more than 100000 entries below"})
	if err := os.Remove(filepath.Join(dir, "0")); err != nil {
		t.Fatal(err)
	}
	f.steps(step{"as many as there may be", purge, "purge removes 100000 entries: 1, 10, 100, 1000, 10000, 100000, 10001, 10002 and 99992 more"})
}

// A user's access control lists don't let that user read what root puts into the user's
// folder, nor what the user gives up.
func TestListsOfAnOrdinaryUser(t *testing.T) {
	f := newHost(t)
	list := []string{"user:1234:rwx", "default:user:1234:rwx"}
	for _, dir := range []string{"/home", "/home/ada", "/home/ada/given"} {
		if _, err := f.applyFile(catalog.File{Path: dir, Ensure: catalog.Directory, Mode: "0755", Owner: "1234", Group: "0", ACL: list}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"old", "same", "own"} {
		file := catalog.File{Path: "/home/ada/" + name, Ensure: catalog.FileKind, Content: "x", Mode: "0640", Owner: "1234", ACL: []string{"user:1234:rw"}}
		if _, err := f.applyFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []catalog.File{
		{Path: "/home/ada/new", Ensure: catalog.FileKind, Content: "secret", Mode: "0640", Owner: "0"},
		{Path: "/home/ada/folder", Ensure: catalog.Directory, Mode: "0750"},
		{Path: "/home/ada/old", Ensure: catalog.FileKind, Content: "secret", Mode: "0640", Owner: "0"},
		{Path: "/home/ada/same", Ensure: catalog.FileKind, Content: "x", Owner: "0"},
		{Path: "/home/ada/given", Ensure: catalog.Directory, Owner: "0"},
	} {
		if _, err := f.applyFile(file); err != nil {
			t.Fatal(err)
		}
		if got := f.lists("root" + file.Path); got != "" {
			t.Errorf("%s has %q", file.Path, got)
		}
	}
	// A user's own file keeps the list.
	if _, err := f.applyFile(catalog.File{Path: "/home/ada/own", Ensure: catalog.FileKind, Content: "y", Owner: "1234"}); err != nil {
		t.Fatal(err)
	}
	if got := f.lists("root/home/ada/own"); got == "" {
		t.Error("an own file lost its list")
	}
}
