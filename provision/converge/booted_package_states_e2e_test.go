//go:build e2e

package converge

import (
	"testing"

	"rackhand/provision/catalog"
)

// packageStates: the latest version, holds, purges and a release of the sources.
func (b *booted) packageStates(t *testing.T) {
	b.repository(t, "rising 1", "pinned 1", "pinned 2", "unfetched 1")
	sh(t, `mkdir -p `+b.root.In("/backports")+`; cd `+b.root.In("/backports")+`
		deb() {
			mkdir -p x/DEBIAN x/etc
			printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n' $1 $2 >x/DEBIAN/control
			echo kept >x/etc/$1.conf; echo /etc/$1.conf >x/DEBIAN/conffiles
			dpkg-deb --root-owner-group -Zgzip -b x $1_$2_all.deb; rm -r x
		}
		deb rising 3; deb configured 1
		apt-ftparchive packages . >Packages
		apt-ftparchive -o APT::FTPArchive::Release::Suite=newer -o APT::FTPArchive::Release::Origin=newer release . >Release`)
	b.write("/etc/apt/sources.list", "deb [trusted=yes] file:/repo ./\ndeb [trusted=yes] file:/backports ./\n")
	b.write("/etc/apt/preferences.d/newer", "Package: *\nPin: release o=newer\nPin-Priority: 100\n")
	latest, newer := pkg("rising", catalog.Latest), pkg("rising", catalog.Latest)
	newer.Package.Release = "newer"
	b.is(t, "before the index", b.converge(true, latest), "package[rising] unknown until the package index is updated")
	b.is(t, "latest", b.converge(false, latest), "package[rising] changed installed 1")
	b.is(t, "is the latest", b.converge(true, latest), "package[rising] ok")
	b.is(t, "of a release, dry run", b.converge(true, newer), "package[rising] changed 1 → 3")
	b.is(t, "of a release", b.converge(false, newer), "package[rising] changed 1 → 3")
	b.is(t, "of a release, again", b.converge(false, newer), "package[rising] ok")
	b.repository(t, "rising 4", "unfetched 1")
	b.write("/etc/apt/sources.list", "# changed\ndeb [trusted=yes] file:/repo ./\ndeb [trusted=yes] file:/backports ./\n")
	b.is(t, "an old index, dry run", b.converge(true, latest), "package[rising] unknown until the package index is updated")
	b.is(t, "an old index", b.converge(false, latest), "package[rising] changed 3 → 4")
	unknown := pkg("pinned", catalog.Present)
	unknown.Package.Release = "nosuch"
	b.is(t, "no such release", b.converge(false, unknown), "package[pinned] failed apt-get: Release 'nosuch' for 'pinned' was not found")

	newest := pkg("pinned", catalog.Latest)
	newest.Package.Release = "nosuch"
	b.is(t, "no such release to be the latest of", b.converge(true, newest, pkg("rising", "4")),
		"package[pinned] failed apt-cache policy: The value 'nosuch' is invalid for APT::Default-Release", "package[rising] ok")

	yes, no := true, false
	held, free := pkg("pinned", "1"), pkg("pinned", "1")
	held.Package.Hold, free.Package.Hold = &yes, &no
	life := func(what string, p catalog.Resource, want string) {
		t.Helper()
		b.is(t, what+", dry run", b.converge(true, p), "package[pinned] changed "+want)
		b.is(t, what, b.converge(false, p), "package[pinned] changed "+want)
		b.is(t, what+", again", b.converge(false, p), "package[pinned] ok")
	}
	b.is(t, "installed and held", b.converge(false, held), "package[pinned] changed installed 1; held")
	b.is(t, "installed and held, again", b.converge(false, held), "package[pinned] ok")
	if got := b.do("apt-mark", "showhold", "pinned"); got != "pinned\n" {
		t.Errorf("held: %q", got)
	}
	held.Package.Ensure = "2"
	life("another version of a held one", held, "1 → 2")
	b.do("apt-mark", "unhold", "pinned")
	life("hold mended", held, "held")
	free.Package.Ensure = catalog.Present
	life("released", free, "released from hold")
	b.do("apt-mark", "hold", "pinned")
	other := pkg("rising", catalog.Present)
	other.Package.Hold = &yes
	b.is(t, "a hold that isn't declared stays", b.converge(false, pkg("pinned", "1"), other),
		"package[pinned] failed apt-get: on hold: pinned", "package[rising] changed held")
	b.do("apt-mark", "unhold", "pinned", "rising")

	b.is(t, "installed", b.converge(false, pkg("configured", "present")), "package[configured] changed installed 1")
	b.is(t, "removed", b.converge(false, pkg("configured", "absent")), "package[configured] changed removed 1")
	b.do("test", "-e", "/etc/configured.conf")
	b.is(t, "purged later, dry run", b.converge(true, pkg("configured", "purged")), "package[configured] changed configuration purged")
	b.is(t, "purged later", b.converge(false, pkg("configured", "purged")), "package[configured] changed configuration purged")
	b.do("test", "!", "-e", "/etc/configured.conf")
	b.is(t, "installed again", b.converge(false, pkg("configured", "present")), "package[configured] changed installed 1")
	b.is(t, "purged at once", b.converge(false, pkg("configured", "purged")), "package[configured] changed purged 1")
	b.is(t, "stays purged", b.converge(false, pkg("configured", "purged")), "package[configured] ok")
	b.do("test", "!", "-e", "/etc/configured.conf")
}
