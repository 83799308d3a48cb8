//go:build e2e

package converge

import (
	"os"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func repositoryCases() []conformance {
	return []conformance{
		{
			name: "repository",
			declare: catalog.Resource{Repository: &catalog.Repository{
				Name: "vendor", Ensure: catalog.Present, URIs: []string{"https://packages.example.com/debian"}, Suites: []string{"stable"}, Components: []string{"main", "extra"},
				Key: &catalog.File{Path: "/etc/apt/keyrings/vendor.asc", Ensure: catalog.FileKind, Content: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", Mode: "0644"}, Disabled: true,
			}},
			prepare: "rm -rf /etc/apt/keyrings /etc/apt/sources.list.d",
			made:    "changed folder of keys: directory made; key made; folder of sources: directory made; sources made",
			is: `test "$(cat /etc/apt/sources.list.d/vendor.sources)" = "# rackhand keeps this file: repository[vendor]
Types: deb
URIs: https://packages.example.com/debian
Suites: stable
Components: main extra
Signed-By: /etc/apt/keyrings/vendor.asc
Enabled: no" && test "$(stat -c %a /etc/apt/keyrings/vendor.asc)" = 644`,
			drift: "sed -i s/Enabled.*// /etc/apt/sources.list.d/vendor.sources; rm /etc/apt/keyrings/vendor.asc", mended: "changed key: made, 37 bytes; sources: content changed",
			absent: &catalog.Resource{Repository: &catalog.Repository{Name: "vendor", Ensure: catalog.Absent}},
			gone:   "! test -e /etc/apt/sources.list.d/vendor.sources && ! test -e /etc/apt/keyrings/vendor.asc",
		},
	}
}

// repositories: packages come from a signed repository with its key, in the same run, and not
// with another key.
func (b *booted) repositories(t *testing.T) {
	sh(t, `mkdir -p `+b.root.In("/signed")+` && cd `+b.root.In("/signed")+`
		export GNUPGHOME=$(mktemp -d); trap "gpgconf --kill all; rm -rf $GNUPGHOME" EXIT
		for who in right wrong; do
			gpg --batch --quiet --passphrase "" --quick-generate-key $who@example.org ed25519 sign never
			gpg --armor --export $who@example.org >$who.asc
		done
		gpg --export right@example.org >right.gpg
		mkdir -p x/DEBIAN
		printf 'Package: signed\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n' >x/DEBIAN/control
		dpkg-deb --root-owner-group -Zgzip -b x signed_1_all.deb >/dev/null
		apt-ftparchive packages . >Packages; apt-ftparchive release . >Release
		gpg --batch --local-user right@example.org --clearsign -o InRelease Release`)
	b.write("/etc/apt/sources.list", "")
	key := func(name string) *catalog.File {
		text, err := os.ReadFile(b.root.In("/signed/" + name))
		if err != nil {
			t.Fatal(err)
		}
		return &catalog.File{Path: "/etc/apt/keyrings/local" + name[strings.Index(name, "."):], Ensure: catalog.FileKind, Content: string(text), Mode: "0644"}
	}
	local := catalog.Resource{ID: "repository[local]", Repository: &catalog.Repository{Name: "local", Ensure: catalog.Present, URIs: []string{"file:///signed"}, Suites: []string{"./"}}}
	signed := pkg("signed", "present")
	local.Repository.Key = key("wrong.asc")
	b.is(t, "the wrong key", b.converge(false, local, signed), "repository[local] changed", "package[signed] failed apt-get: Unable to locate package signed")
	local.Repository.Key = key("right.gpg")
	b.is(t, "dry run", b.converge(true, local, signed), "repository[local] changed", "package[signed] unknown until the sources of packages are made")
	b.is(t, "the right key", b.converge(false, local, signed), "repository[local] changed", "package[signed] changed installed 1")
	b.is(t, "again", b.converge(false, local, signed), "repository[local] ok", "package[signed] ok")
	local.Repository = &catalog.Repository{Name: "local", Ensure: catalog.Absent}
	b.is(t, "gone", b.converge(false, local, pkg("signed", "purged")), "repository[local] changed", "package[signed] changed purged 1")
}
