//go:build e2e

package files

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rackhand/provision/catalog"
)

// The owner of a link is its own; the file that it leads to stays.
func TestRecurseOwner(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n")
	f.write("root/etc/group", "www:x:33:\n")
	f.write("root/srv/www/sub/a", "")
	f.write("root/elsewhere/x", "")
	f.symlink("../../elsewhere/x", "root/srv/www/link")
	file := catalog.File{Path: "/srv/www", Ensure: catalog.Directory, Recurse: true, Owner: "www", Group: "www"}
	f.steps(
		step{"changed", file, "owner 0 → www; group 0 → www; recurse changes owner, group or mode of 3 entries: link, sub, sub/a"},
		step{"held", file, ""},
	)
	owner := func(name string) uint32 {
		fi, err := os.Lstat(filepath.Join(f.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return fi.Sys().(*syscall.Stat_t).Uid
	}
	if owner("root/srv/www/link") != 33 || owner("root/srv/www/sub/a") != 33 || owner("root/elsewhere/x") != 0 {
		t.Errorf("owners: %d, %d, %d", owner("root/srv/www/link"), owner("root/srv/www/sub/a"), owner("root/elsewhere/x"))
	}
	f.steps(
		step{"a link's owner", catalog.File{Path: "/srv/www/link", Ensure: catalog.Link, Target: "../../elsewhere/x", Owner: "root"}, "owner 33 → root"},
	)
	if owner("root/elsewhere/x") != 0 || owner("root/srv/www/link") != 0 {
		t.Error("the link's target got the owner")
	}
}
