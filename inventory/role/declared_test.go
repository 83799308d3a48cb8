package role

import (
	"slices"
	"testing"

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
