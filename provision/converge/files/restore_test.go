package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestRestore(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/motd", "by hand\n")
	f.setACL("root/etc/motd", accessACL, acl{{catalog.ACLUser, 4, 33}}.whole(0o640))
	declared := catalog.File{Path: "/etc/motd", Ensure: catalog.FileKind, Content: "declared\n", Mode: "0600", ACL: []string{}}
	without, no := declared, false
	without.Content, without.Backup = "without a copy\n", &no
	f.steps(
		step{"changed", declared, "content changed, 8 → 9 bytes; mode 0640 → 0600; acl removes user:33:r--, mask::r--"},
		step{"without a copy", without, "content changed, 9 → 15 bytes"},
	)
	f.backups("/etc/motd by hand\n")
	entries, err := f.files().Backups.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if changed, err := f.files().Restore(t.Context(), entries[0]); changed != want || err != nil {
			t.Errorf("changed: %v, %v", changed, err)
		}
		if got, list := f.read("root/etc/motd"), f.lists("root/etc/motd"); got != "by hand\n" || list != "user::rw- user:33:r-- group::r-- mask::r-- other::---" || f.mode("root/etc/motd") != 0o640 {
			t.Errorf("the file holds %q, its mode is %v and its list %s", got, f.mode("root/etc/motd"), list)
		}
	}
	f.backups("/etc/motd by hand\n", "/etc/motd without a copy\n")

	folder := f.files().Backups.Folder
	if err := os.WriteFile(filepath.Join(folder, entries[0].SHA256), []byte("spoilt!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.write("root/etc/motd", "here")
	if _, err := f.files().Restore(t.Context(), entries[0]); err == nil || !strings.Contains(err.Error(), "the copy of /etc/motd is damaged") || f.read("root/etc/motd") != "here" {
		t.Errorf("a damaged copy: %v", err)
	}
	entries[0].Path = "/etc/../etc/motd"
	if _, err := f.files().Restore(t.Context(), entries[0]); err == nil || !strings.Contains(err.Error(), "the list of backups is damaged") {
		t.Errorf("a damaged path: %v", err)
	}
	entries[0].Path = "/etc/apt"
	if _, err := f.files().Restore(t.Context(), entries[0]); err == nil || !strings.Contains(err.Error(), "/etc/apt is a directory") {
		t.Errorf("over a directory: %v", err)
	}
}

// What once was sensitive is in no copy, whatever removes it.
func TestNoCopiesOfSecrets(t *testing.T) {
	f := newHost(t)
	f.write("root/srv/app/key", "once by hand")
	key := catalog.File{Path: "/srv/app/key", Ensure: catalog.FileKind, Content: "hunter1"}
	f.steps(step{"not sensitive yet", key, "content changed, 12 → 7 bytes"})
	f.backups("/srv/app/key once by hand")
	key.Sensitive = true
	c := &catalog.Catalog{Resources: []catalog.Resource{{ID: "file[/srv/app/key]", File: &key}}}
	if err := f.files().Begin(c); err != nil {
		t.Fatal(err)
	}
	f.backups()
	key.Content = "hunter2"
	absent := catalog.File{Path: "/srv/app/key", Ensure: catalog.Absent}
	f.steps(
		step{"changed", key, "content changed, 7 → 7 bytes"},
		step{"removed", absent, "removed"},
		step{"another", catalog.File{Path: "/srv/app/other", Ensure: catalog.FileKind, Content: "hunter3", Sensitive: true}, "made, 7 bytes"},
		step{"removed with its folder", forced(catalog.File{Path: "/srv/app", Ensure: catalog.Absent}), "removed, with 1 entry, other"},
	)
	f.backups()
}
