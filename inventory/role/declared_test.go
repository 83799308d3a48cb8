package role

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
)

func TestDeclaredBelow(t *testing.T) {
	got, err := compileText(t, `
resources:
  - file: /etc/app/conf.d/
    ensure: directory
    purge: true
    force: true
  - file: /etc/app/conf.d/${each.key}.conf
    content: ${each.value}
    each: {a: one, b: two}
  - file: /etc/app/conf.d/sub/c
    ensure: link
    target: ../a.conf
  - file: /etc/app/conf.dx
    content: beside it
    acl: []
  - file: /srv/app
    ensure: link
    target: /srv/v2
    owner: root
  - file: /srv/app/x
    content: x
    acl: ["user:www-data:r-x", "g:adm:4"]
    backup: false
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]catalog.Resource{}
	for _, r := range got.Catalog.Resources {
		files[r.File.Path] = r
	}
	dir := files["/etc/app/conf.d"]
	if want := []string{"a.conf", "b.conf", "sub/c"}; !slices.Equal(dir.File.Declared, want) || !dir.File.Purge || !dir.File.Force {
		t.Errorf("the directory is %+v, want %q declared", dir.File, want)
	}
	if x := files["/srv/app/x"]; !slices.Contains(x.Require, "file[/srv/app]") || *x.File.Backup || len(x.File.ACL) != 2 {
		t.Errorf("a file behind a link: %+v, %+v", x, x.File)
	}
	if x := files["/etc/app/conf.dx"].File; x.ACL == nil || len(x.ACL) != 0 || x.Declared != nil || x.Backup != nil {
		t.Errorf("a file without entries: %+v", x)
	}
}

// What waits for facts may be declared below a directory: until they are known, it isn't
// purged.
func TestPurgeWaitsForFacts(t *testing.T) {
	const text = `
resources:
  - file: /etc/app/conf.d
    ensure: directory
    purge: true
  - file: /etc/app/conf.d/${facts.os.id}
    content: x
`
	dir := func(c *Compiled, err error) *catalog.File {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c.Catalog.Resources[0].File
	}
	c, err := compileText(t, text, nil)
	if d := dir(c, err); d.Purge || !slices.Contains(c.Waiting, "purge of file[/etc/app/conf.d] (roles/r.yaml:3:5) waits for the facts of the host") {
		t.Errorf("without facts: %+v, %q", d, c.Waiting)
	}
	c, err = compileText(t, text, known(t, `{"os": {"id": "debian"}}`))
	if d := dir(c, err); !d.Purge || !slices.Equal(d.Declared, []string{"debian"}) || len(c.Waiting) > 0 {
		t.Errorf("with facts: %+v, %q", d, c.Waiting)
	}
}

func TestDeclaredByOtherKinds(t *testing.T) {
	c, err := compileText(t, `
resources:
  - file: ${each.value}
    each: [/etc/apt/sources.list.d, /etc/cron.d, /etc/sudoers.d, /etc/app]
    ensure: directory
    purge: true
  - repository: example
    uris: [https://packages.example.com/debian]
    suites: [bookworm]
    components: [main]
  - cron: backup
    user: root
    command: /bin/true
    schedule: "@daily"
  - sudoers: deploy
    user: deploy
    commands: [/bin/true]
  - line: port
    path: /etc/app/app.conf
    text: port 80
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, r := range c.Catalog.Resources {
		if r.File != nil {
			got[r.File.Path] = r.File.Declared
		}
	}
	want := map[string][]string{"/etc/apt/sources.list.d": {"example.sources"}, "/etc/cron.d": {"backup"}, "/etc/sudoers.d": {"deploy"}, "/etc/app": {"app.conf"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
}

// A file comes after the users and groups that it names.
func TestFileUses(t *testing.T) {
	c, err := compileText(t, `
resources:
  - file: /x
    content: x
    acl: ["group:deploy:r"]
  - file: /y
    content: x
    group: deploy
  - group: deploy
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Catalog.Resources[1:] {
		if !slices.Equal(r.Require, []string{"group[deploy]"}) {
			t.Errorf("%s requires %q", r.ID, r.Require)
		}
	}
}
