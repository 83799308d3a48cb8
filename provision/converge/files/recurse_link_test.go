package files

import (
	"os"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// A user of a directory puts a link there. It isn't given to an owner whose links are
// followed, since it would lead the agent wherever that user wants.
func TestLinkOfAnUntrustedUser(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/cron.d/x", "")
	f.write("root/srv/www/a", "")
	f.symlink("/etc/cron.d", "root/srv/www/data")
	files, user := f.files(), os.Geteuid()
	files.Trust = func(uid uint32) bool { return int(uid) == user+1 }
	file := &catalog.File{Path: "/srv/www", Ensure: catalog.Directory, Recurse: true}
	w, err := files.want(file)
	if err != nil {
		t.Fatal(err)
	}
	w.uid = user + 1
	p, err := files.locate(file)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	differs, err := files.below(t.Context(), p, w, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(differs, "; "); got != "recurse changes owner, group or mode of 1 entry, a" {
		t.Error(got)
	}
	// A link that was put in the place of another one since that was looked at.
	top, err := p.openTop()
	if err != nil {
		t.Fatal(err)
	}
	defer (&place{dir: top}).close()
	if err := w.setLink(top, "data"); err == nil || !strings.Contains(err.Error(), "it was replaced by user") {
		t.Errorf("the error is %v", err)
	}
}
