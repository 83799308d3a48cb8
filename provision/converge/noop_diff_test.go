package converge

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestDryRunShowsDiffs(t *testing.T) {
	f := newFakes(t)
	f.write("root/etc/motd", "old\n")
	f.write("root/etc/pw", "hunter1")
	secret := file("/etc/pw", "hunter2")
	secret.File.Sensitive = true
	e := f.engine()
	var shown strings.Builder
	e.Diffs = &shown
	c := &catalog.Catalog{Resources: []catalog.Resource{file("/etc/motd", "new\n"), secret}}
	got := e.Converge(t.Context(), c, f.state(), true)
	if !strings.Contains(got[0].Diff, "-old\n+new\n") || shown.String() != got[0].Diff || got[1].Diff != "" {
		t.Errorf("got %+v, shown:\n%s", got, &shown)
	}
	if got := e.Converge(t.Context(), c, f.state(), false); got[0].Diff != "" {
		t.Errorf("the real run has a diff: %+v", got[0])
	}
}

// In a dry run, what is in the way of a folder is still there, and a link still leads
// elsewhere.
func TestDryRunOfReplacedFolders(t *testing.T) {
	f := newFakes(t)
	f.write("root/srv/app", "a file\n")
	f.write("root/srv/v1/x", "one\n")
	if err := os.Symlink("v1", filepath.Join(f.dir, "root/srv/current")); err != nil {
		t.Fatal(err)
	}
	resources := func() []catalog.Resource {
		dir := catalog.Resource{ID: "file[/srv/app]", File: &catalog.File{Path: "/srv/app", Ensure: catalog.Directory, Force: true}}
		v2 := catalog.Resource{ID: "file[/srv/v2]", File: &catalog.File{Path: "/srv/v2", Ensure: catalog.Directory}}
		link := catalog.Resource{ID: "file[/srv/current]", File: &catalog.File{Path: "/srv/current", Ensure: catalog.Link, Target: "v2"}}
		return []catalog.Resource{dir, file("/srv/app/x", "x\n"), v2, link, file("/srv/current/x", "one\n")}
	}
	want := []string{
		"file[/srv/app] changed a file becomes a directory", "file[/srv/app/x] changed made, 2 bytes", "file[/srv/v2] changed directory made",
		"file[/srv/current] changed target v1 → v2", "file[/srv/current/x] unknown until file[/srv/current] is made: it may lead elsewhere",
	}
	c := &catalog.Catalog{Resources: resources()}
	if got := statuses(f.engine().Converge(t.Context(), c, f.state(), true)); !slices.Equal(got, want) {
		t.Errorf("the dry run says\n%s", strings.Join(got, "\n"))
	}
	want[4] = "file[/srv/current/x] changed made, 4 bytes"
	if got := statuses(f.engine().Converge(t.Context(), c, f.state(), false)); !slices.Equal(got, want) {
		t.Errorf("the run says\n%s", strings.Join(got, "\n"))
	}
	if got := f.read("root/srv/v2/x"); got != "one\n" {
		t.Errorf("behind the link is %q", got)
	}
}
