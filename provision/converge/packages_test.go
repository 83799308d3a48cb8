package converge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/packages"
)

func pkg(name, ensure string) catalog.Resource {
	return catalog.Resource{ID: catalog.ID("package", name), Package: &catalog.Package{Name: name, Ensure: ensure}}
}

// statuses are the outcomes of a run, a line each.
func statuses(results []catalog.Result) []string {
	var out []string
	for _, r := range results {
		out = append(out, strings.TrimSpace(r.ID+" "+r.Status+" "+r.Message))
	}
	return out
}

func (f *fakes) converge(resources ...catalog.Resource) []catalog.Result {
	f.t.Helper()
	c := &catalog.Catalog{Resources: resources}
	if err := c.Validate(); err != nil {
		f.t.Fatal(err)
	}
	return f.engine().Converge(f.t.Context(), c, f.state(), false)
}

func TestPackagesInOneTransaction(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "nginx\nvim\ngit\n")
	f.write("installed", "old\tamd64\tii \t1.2\nleft\tamd64\trc \t1\nhalf\tamd64\tiF \t1\nvim\tamd64\tii \t0.9\n")
	all := []catalog.Resource{pkg("nginx", "present"), pkg("vim", "2.0"), pkg("old", "absent"), pkg("left", "absent"), pkg("git", "present")}
	got := statuses(f.converge(all...))
	want := []string{
		"package[nginx] changed installed 1.0", "package[vim] changed 0.9 → 2.0", "package[old] changed removed 1.2",
		"package[left] ok", "package[git] changed installed 1.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("first run (-want +got):\n%s", diff)
	}
	wantLog := []string{
		"dpkg-query",
		"apt-get -o DPkg::Lock::Timeout=120 -q -o APT::Update::Error-Mode=any update",
		"apt-get -q -y -s install -- nginx vim=2.0 old- git",
		"apt-get -o DPkg::Lock::Timeout=120 -q -y -o Dpkg::Options::=--force-confold install -- nginx vim=2.0 old- git",
		"dpkg-query",
	}
	if diff := cmp.Diff(wantLog, f.log()); diff != "" {
		t.Errorf("first run's commands (-want +got):\n%s", diff)
	}
	for _, r := range f.converge(all...) {
		if r.Status != catalog.OK {
			t.Errorf("second run: %+v", r)
		}
	}
	if diff := cmp.Diff([]string{"dpkg-query"}, f.log()); diff != "" {
		t.Errorf("second run's commands (-want +got):\n%s", diff)
	}
}

func (f *fakes) apply(apt *packages.Apt, packages ...catalog.Package) (map[string]error, error) {
	outcome, err := apt.Apply(f.t.Context(), packages, nil)
	return outcome.Refused, err
}

func TestIndexIsUpdatedWhenNeeded(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "a\nb\n")
	apt := f.apt()
	step := func(what string, updates int, packages ...catalog.Package) {
		t.Helper()
		if refused, err := f.apply(apt, packages...); err != nil || len(refused) > 0 {
			t.Fatalf("%s: %v, %v", what, refused, err)
		}
		if n := logged(f.log(), " update"); n != updates {
			t.Errorf("%s: %d updates, want %d", what, n, updates)
		}
	}
	step("never updated", 1, catalog.Package{Name: "a", Ensure: "present"})
	step("all known", 0, catalog.Package{Name: "b", Ensure: "present"})
	f.write("upstream", "a\nb\nc\n")
	step("a new package", 1, catalog.Package{Name: "c", Ensure: "present"})
	f.write("root/etc/apt/sources.list.d/x.sources", "Types: deb\n")
	step("sources changed", 1, catalog.Package{Name: "a", Ensure: "present"})
	step("sources as before", 0, catalog.Package{Name: "a", Ensure: "present"})
	if err := os.RemoveAll(filepath.Join(f.dir, "root/var/lib/apt/lists")); err != nil {
		t.Fatal(err)
	}
	step("index removed", 1, catalog.Package{Name: "a", Ensure: "present"})
}

func TestUnknownPackageDoesNotHoldUpTheOthers(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "nginx\n")
	dependent := catalog.Resource{ID: "service[x]", Service: &catalog.Service{Name: "x"}, Require: []string{"package[ngnix]"}}
	got := statuses(f.converge(pkg("ngnix", "present"), pkg("nginx", "present"), dependent))
	want := []string{
		"package[ngnix] failed apt-get: Unable to locate package ngnix", "package[nginx] changed installed 1.0",
		"service[x] skipped requires package[ngnix], which is failed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := logged(f.log(), " update"); n != 1 {
		t.Errorf("%d updates, want 1: a missing package is looked for once in a newer index", n)
	}
}

func TestInterruptedDpkgIsPutRight(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "nginx\n")
	f.write("bin/dpkg", "#!/bin/sh\necho dpkg $* >> $FAKE/log\n")
	if err := os.Chmod(filepath.Join(f.dir, "bin/dpkg"), 0o755); err != nil {
		t.Fatal(err)
	}
	apt := f.apt()
	if refused, err := f.apply(apt, catalog.Package{Name: "nginx", Ensure: "present"}); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	f.log()
	f.write("apt-fails", "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n")
	if refused, err := f.apply(apt, catalog.Package{Name: "nginx", Ensure: "present"}); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	if log := f.log(); len(log) != 5 || !strings.Contains(log[2], "dpkg --configure -a --force-confold") {
		t.Errorf("commands: %q", log)
	}
}

func TestAptFailure(t *testing.T) {
	f := newFakes(t)
	f.write("index", "nginx\n")
	f.write("apt-fails", "E: Problem renaming the file\nE: The repository is not signed.\n")
	_, err := f.apply(f.apt(), catalog.Package{Name: "nginx", Ensure: "present"})
	if err == nil || !strings.Contains(err.Error(), "not signed") || !strings.Contains(err.Error(), "apt-get update") {
		t.Errorf("the reasons of both failures are wanted: %v", err)
	}
}

// The lock's holder is a real one: this process.
func TestLockedPackageManager(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "nginx\n")
	f.write("root/var/lib/dpkg/lock-frontend", "")
	lock, err := os.OpenFile(filepath.Join(f.dir, "root/var/lib/dpkg/lock-frontend"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.FcntlFlock(lock.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	const held = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (x)\n"
	apt := f.apt()
	pauses := 0
	apt.Sleep = noSleep(&pauses)

	f.write("apt-fails", strings.Repeat(held, 3))
	if refused, err := f.apply(apt, catalog.Package{Name: "nginx", Ensure: "present"}); err != nil || len(refused) > 0 || pauses != 3 {
		t.Errorf("a lock that is let go of: %v, %v after %d pauses", refused, err, pauses)
	}
	apt.LockWait = 10 * time.Second
	f.write("apt-fails", strings.Repeat(held, 100))
	_, err = f.apply(apt, catalog.Package{Name: "nginx", Ensure: "present"})
	if want := fmt.Sprintf("locked for 10s by process %d (", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// A virtual package can be installed, but not be held.
func TestWhatDpkgSaysCounts(t *testing.T) {
	f := newFakes(t)
	f.write("bin/apt-get", "#!/bin/sh\nexit 0\n")
	got := statuses(f.converge(pkg("mail-transport-agent", "present")))
	if len(got) != 1 || !strings.Contains(got[0], "virtual package?") {
		t.Errorf("got %q", got)
	}
	f.write("bin/dpkg-query", "#!/bin/sh\necho 'dpkg-query: error: database is broken' >&2\nexit 2\n")
	got = statuses(f.converge(pkg("a", "present"), pkg("b", "present")))
	if len(got) != 2 || !strings.Contains(got[1], "package[b] failed dpkg-query failed: exit status 2: dpkg-query: error: database is broken") {
		t.Errorf("got %q", got)
	}
}
