//go:build e2e

package converge

import (
	"os"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// repository makes an archive of packages in the container: a line for each, NAME VERSION
// and fields of its control file.
func (b *booted) repository(t *testing.T, lines ...string) {
	var script strings.Builder
	script.WriteString("mkdir -p " + b.root.In("/repo") + "; cd " + b.root.In("/repo") + "\n")
	for _, line := range lines {
		head, fields, _ := strings.Cut(line, "|")
		name, version, _ := strings.Cut(head, " ")
		script.WriteString("mkdir -p x/DEBIAN; printf 'Package: " + name + "\\nVersion: " + version +
			"\\nArchitecture: all\\nMaintainer: T <t@example.org>\\nDescription: test\\n" + fields + "' >x/DEBIAN/control\n")
		if name == "broken" {
			script.WriteString("printf '#!/bin/sh\\nexit 9\\n' >x/DEBIAN/postinst; chmod 755 x/DEBIAN/postinst\n")
		}
		script.WriteString("dpkg-deb --root-owner-group -Zgzip -b x " + name + "_" + version + "_all.deb; rm -r x\n")
	}
	script.WriteString("apt-ftparchive packages . >Packages; rm unfetched_1_all.deb\n")
	sh(t, script.String())
	if err := os.RemoveAll(b.root.In("/etc/apt/sources.list.d")); err != nil {
		t.Fatal(err)
	}
	b.write("/etc/apt/sources.list", "deb [trusted=yes] file:/repo ./\n")
}

// packages: a bad package fails alone, for every kind of fault. A transaction that goes beyond
// the declared packages is refused. A dry run predicts the results of the run after it.
func (b *booted) packages(t *testing.T) {
	b.repository(t, "fine 1", "good 1", "unmet 1|Depends: nowhere\\n", "unfetched 1", "wants-unfetched 1|Depends: unfetched\\n", "broken 1", "held 1", "held 2",
		"one 1|Conflicts: two\\n", "two 1", "ground 1", "ground 2", "addon 1|Depends: ground\\n", "extra 1|Depends: addon\\n", "rival 1|Conflicts: addon\\n", "later 1")
	b.do("apt-get", "-q", "update")
	b.do("apt-get", "-q", "-y", "install", "held=1", "extra", "ground=1")
	b.do("apt-mark", "hold", "held")
	all := []catalog.Resource{
		pkg("fine", "present"), pkg("unmet", "present"), pkg("good", "present"), pkg("nosuch", "present"), pkg("held", "2"), pkg("one", "present"), pkg("two", "present"),
		pkg("ground", "absent"), pkg("rival", "present"), pkg("later", "7"),
	}
	want := []string{
		"package[fine] changed installed", "package[unmet] failed apt-get: unmet dependencies: unmet : Depends: nowhere but it is not installable",
		"package[good] changed installed", "package[nosuch] failed apt-get: Unable to locate package nosuch",
		"package[held] failed apt-get: on hold: held", "package[one] changed installed", "package[two] failed apt-get: unmet dependencies:",
		"package[ground] failed with it addon, extra would go", "package[rival] failed with it addon, extra would go", "package[later] failed apt-get: Version '7' for 'later' was not found",
	}
	// The index wasn't fetched by us yet: what isn't in it may come with the next one.
	notYet := slices.Clone(want)
	for i, line := range notYet {
		notYet[i] = strings.Replace(line, " failed ", " unknown until apt's package index is updated: ", 1)
	}
	b.is(t, "dry run before the index", b.converge(true, all...), notYet...)
	b.is(t, "run", b.converge(false, all...), want...)
	for i, line := range want {
		want[i] = strings.Replace(line, " changed installed", " ok", 1)
	}
	want[6] = "package[two] failed with it one would go" // one is there now
	b.is(t, "dry run", b.converge(true, all...), want...)
	if got := b.do("dpkg-query", "-W", "-f", "${Package} ${Version} ", "fine", "good", "held", "one", "ground", "addon", "extra"); got != "addon 1 extra 1 fine 1 good 1 ground 1 held 1 one 1 " {
		t.Errorf("installed: %s", got)
	}

	// What can't be fetched, and what can't be configured.
	all = []catalog.Resource{pkg("unfetched", "present"), pkg("wants-unfetched", "present"), pkg("later", "present"), pkg("broken", "present"), pkg("fine", "absent")}
	want = []string{
		"package[unfetched] failed failed to fetch file:/repo/./unfetched_1_all.deb", "package[wants-unfetched] failed unfetched: failed to fetch",
		"package[later] changed installed 1", "package[broken] failed installed broken package post-installation script subprocess returned error exit status 9",
		"package[fine] changed removed 1",
	}
	b.is(t, "not fetched, not configured", b.converge(false, all...), want...)
	want[2], want[4] = "package[later] ok", "package[fine] ok"
	b.is(t, "again", b.converge(false, all...), want...)
	b.is(t, "beside a broken one", b.converge(false, pkg("fine", "present"), pkg("good", "absent")),
		"package[fine] changed installed 1", "package[good] changed removed 1")
	b.do("dpkg", "--purge", "broken")

	// Declared or allowed, the dependants go.
	ground := pkg("ground", "absent")
	b.is(t, "declared in part", b.converge(true, ground, pkg("extra", "absent")), "package[ground] failed with it addon would go", "package[extra] changed removed 1")
	ground.Package.WithDependants = true
	b.is(t, "allowed, dry run", b.converge(true, ground), "package[ground] changed removed 1; with it: addon, extra")
	b.is(t, "allowed", b.converge(false, ground), "package[ground] changed removed 1; with it: addon, extra")
	b.is(t, "gone", b.converge(false, ground, pkg("extra", "absent")), "package[ground] ok", "package[extra] ok")
	b.is(t, "nothing to do", b.converge(false, pkg("fine", "present"), pkg("held", "1")), "package[fine] ok", "package[held] ok")
	if len(b.calls) != 1 {
		t.Errorf("%d programs were run: %q", len(b.calls), b.calls)
	}
}

// dryRun: what may come with a package is unknown, and what nothing brings fails, as it
// will.
func (b *booted) dryRun(t *testing.T) {
	conf := file("/etc/fine/fine.conf", "x", "service[fine]")
	folder := catalog.Resource{ID: "file[/etc/fine]", File: &catalog.File{Path: "/etc/fine", Ensure: "directory"}}
	owned := file("/etc/owned", "x")
	owned.File.Owner = "fine"
	b.do("apt-get", "-q", "-y", "purge", "fine")
	b.is(t, "nothing brings it", b.converge(true, conf, owned, running("fine")),
		"file[/etc/fine/fine.conf] failed directory /etc/fine", "file[/etc/owned] failed owner: there is no", "service[fine] skipped")
	b.is(t, "the package may", b.converge(true, pkg("fine", "present"), conf, owned, running("fine")),
		"package[fine] changed installed", "file[/etc/fine/fine.conf] unknown until package[fine] is made: directory",
		"file[/etc/owned] unknown until package[fine] is made", "service[fine] unknown until package[fine] is made: there is no such unit")
	conf.Notify = nil
	b.is(t, "its folder is declared", b.converge(true, folder, conf, running("absent")),
		"file[/etc/fine] changed directory made", "file[/etc/fine/fine.conf] changed made, 1 bytes", "service[absent] failed there is no such unit")
	unit := file("/etc/systemd/system/new.service", "[Service]\nExecStart=/bin/sleep infinity\n")
	b.is(t, "its unit is declared", b.converge(true, unit, running("new")),
		"file[/etc/systemd/system/new.service] changed", "service[new] unknown until file[/etc/systemd/system/new.service] is made")
	b.is(t, "and made", b.converge(false, unit, running("new")),
		"file[/etc/systemd/system/new.service] changed", "service[new] changed started")
}
