//go:build e2e

package converge

import (
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
)

// An rpmRoot is a root with nothing but rpm's database and a repository of our packages,
// which this machine's dnf and rpm work on.
type rpmRoot struct {
	t     *testing.T
	dir   string
	index packages.Index
}

// Run runs dnf or rpm on the root.
func (r *rpmRoot) Run(ctx context.Context, env []string, args ...string) (command.Output, error) {
	root := filepath.Join(r.dir, "root")
	switch args[0] {
	case "rpm":
		args = append([]string{"rpm", "--root", root}, args[1:]...)
	case "dnf":
		args = append([]string{
			"dnf", "--installroot=" + root, "--setopt=reposdir=" + root + "/etc/yum.repos.d", "--releasever=9",
			"--setopt=cachedir=" + filepath.Join(r.dir, "cache"), "--setopt=persistdir=" + filepath.Join(r.dir, "persist"),
		}, args[1:]...)
	}
	return command.Exec{}.Run(ctx, env, args...)
}

// repository builds packages, NAME VERSION and one line of the spec, and lists them.
func (r *rpmRoot) repository(lines ...string) {
	var script strings.Builder
	script.WriteString("cd " + r.dir + "; mkdir -p repo root/etc/yum.repos.d root/usr/bin; touch root/usr/bin/dnf; echo root:x:0:0::/root:/bin/sh >root/etc/passwd; echo root:x:0: >root/etc/group\n")
	for _, line := range lines {
		head, more, _ := strings.Cut(line, "|")
		name, version, _ := strings.Cut(head, " ")
		script.WriteString("printf 'Name: " + name + "\\nVersion: " + version + "\\nRelease: 1\\nSummary: test\\nLicense: MIT\\nBuildArch: noarch\\n" + more +
			"\\n%%description\\ntest\\n%%files\\n' >x.spec\n" +
			"rpmbuild -bb --quiet --define \"_topdir $PWD/build\" --define \"_rpmdir $PWD/repo\" x.spec\n")
	}
	script.WriteString("rm -f repo/noarch/unfetched-*; createrepo_c -q repo\n")
	out, err := exec.Command("sh", "-ec", script.String()).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
}

func (r *rpmRoot) converge(noop bool, resources ...catalog.Resource) []string {
	r.t.Helper()
	c := &catalog.Catalog{Resources: resources}
	if err := c.Validate(); err != nil {
		r.t.Fatal(err)
	}
	dnf := &packages.Dnf{Root: filepath.Join(r.dir, "root"), Runner: r, Clock: time.Now}
	dnf.SetIndex(r.index)
	defer func() { r.index = dnf.Index() }()
	manager := &files.Files{Root: dnf.Root, Runner: r, Random: strings.NewReader(strings.Repeat("random", 1000)), Trust: func(uint32) bool { return true }}
	e := &Engine{
		Providers: provider.All(provider.Host{Root: dnf.Root, Files: manager, Runner: r}), Files: manager,
		Packages: dnf, Log: slog.New(slog.DiscardHandler), Clock: time.Now, Sleep: Sleep,
	}
	return statuses(e.Converge(r.t.Context(), c, &State{path: filepath.Join(r.t.TempDir(), "state.json")}, noop))
}

// TestDnf: packages by the real dnf and rpm, in a root that holds nothing else. A bad package
// fails alone, a dry run predicts the run, and what else would go is named.
func TestDnf(t *testing.T) {
	t.Parallel()
	r := &rpmRoot{t: t, dir: t.TempDir()}
	r.repository("fine 1", "good 1", "unmet 1|Requires: nowhere\\n", "ground 1", "ground 2", "addon 1|Requires: ground\\n", "extra 1|Requires: addon\\n",
		"broken 1|%%pre\\nexit 9\\n", "rising 1")
	is := func(what string, got []string, want ...string) {
		t.Helper()
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
				t.Fatalf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	local := catalog.Resource{ID: "repository[local]", Repository: &catalog.Repository{
		Name: "local", Ensure: catalog.Present, URIs: []string{"file://" + filepath.Join(r.dir, "repo")}, Unsigned: true,
	}}
	is("repository, dry run", r.converge(true, local, pkg("fine", "present")), "repository[local] changed sources: made", "package[fine] unknown until the sources of packages are made")
	is("repository", r.converge(false, local), "repository[local] changed sources: made")
	is("repository, again", r.converge(false, local), "repository[local] ok")
	all := []catalog.Resource{pkg("fine", "present"), pkg("unmet", "present"), pkg("good", "1-1"), pkg("nosuch", "present"), pkg("extra", "present"), pkg("ground", "2-1"), pkg("absent", "absent")}
	want := []string{
		"package[fine] changed installed", "package[unmet] failed dnf: Problem: conflicting requests; - nothing provides nowhere needed by unmet-1-1.noarch",
		"package[good] changed installed", "package[nosuch] failed dnf: Unable to find a match: nosuch", "package[extra] changed installed", "package[ground] changed installed", "package[absent] ok",
	}
	is("dry run", r.converge(true, all...), want...)
	is("run", r.converge(false, all...), want...)
	for i := range want {
		want[i] = strings.Replace(want[i], " changed installed", " ok", 1)
	}
	is("again", r.converge(false, all...), want...)

	life := func(what string, p catalog.Resource, want string) {
		t.Helper()
		is(what+", dry run", r.converge(true, p), p.ID+" changed "+want)
		is(what, r.converge(false, p), p.ID+" changed "+want)
		is(what+", again", r.converge(false, p), p.ID+" ok")
	}
	life("an older version", pkg("ground", "1"), "2-1 → 1")
	life("a newer version", pkg("ground", "0:2-1"), "1-1 → 0:2-1")
	ground := pkg("ground", "absent")
	is("dependants, dry run", r.converge(true, ground), "package[ground] failed with it addon, extra would go")
	is("dependants", r.converge(false, ground), "package[ground] failed with it addon, extra would go")
	ground.Package.WithDependants = true
	is("allowed, dry run", r.converge(true, ground), "package[ground] changed removed 2-1; with it: addon, extra")
	is("allowed", r.converge(false, ground), "package[ground] changed removed 2-1; with it: addon, extra")
	is("a script that fails", r.converge(false, pkg("broken", "present"), pkg("ground", "present")), "package[broken] failed dnf:", "package[ground] changed installed 2-1")

	latest := pkg("rising", "latest")
	is("latest", r.converge(false, latest), "package[rising] changed installed 1-1")
	is("is the latest", r.converge(true, latest), "package[rising] ok")
	r.repository("rising 2")
	r.index.Updated = r.index.Updated.Add(-7 * time.Hour)
	is("an old index", r.converge(true, latest), "package[rising] unknown until the package index is updated")
	is("a newer one", r.converge(false, latest), "package[rising] changed 1-1 → 2-1")
	is("the latest again", r.converge(true, latest), "package[rising] ok")
	released := pkg("fine", "present")
	released.Package.Release = "backports"
	is("held by it", r.converge(false, released), "package[fine] ok")
	hold := true
	held := pkg("fine", "present")
	held.Package.Hold = &hold
	is("without versionlock", r.converge(false, held, pkg("good", "present")), "package[fine] failed dnf versionlock list: exit status 1: No such command: versionlock", "package[good] ok")
	is("disabled", r.converge(false, func() catalog.Resource {
		r := local
		c := *r.Repository
		c.Disabled = true
		r.Repository = &c
		return r
	}(), pkg("good", "absent"), pkg("addon", "present")),
		"repository[local] changed sources: content changed", "package[good] changed removed 1-1", "package[addon] failed dnf:")
	is("purged", r.converge(false, pkg("fine", "purged")), "package[fine] changed purged 1-1")
}
