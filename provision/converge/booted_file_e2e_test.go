//go:build e2e

package converge

import "rackhand/provision/catalog"

func fileCases() []conformance {
	absent := func(path string) *catalog.Resource {
		return &catalog.Resource{File: &catalog.File{Path: path, Ensure: catalog.Absent, Force: true}}
	}
	return []conformance{
		{
			// tar is what reads the list: it has the C library's code for these.
			name: "file acl", prepare: "mkdir -p /srv",
			declare: catalog.Resource{File: &catalog.File{
				Path: "/srv/list", Ensure: catalog.FileKind, Content: "x", Mode: "0640", ACL: []string{"user:www-data:r-x", "group:adm:r--"},
			}},
			made: "changed made, 1 bytes",
			is: `tar --acls --format=pax -cf - -C /srv list | tr '\n' , |
grep -aq 'SCHILY.acl.access=user::rw-,user:www-data:r-x,group::r--,group:adm:r--,mask::r-x,other::---,,'
runuser -u www-data -- cat /srv/list; ! runuser -u nobody -- cat /srv/list; test "$(stat -c %a /srv/list)" = 650`,
			drift: "chmod 600 /srv/list; ! runuser -u www-data -- cat /srv/list", mended: "changed acl adds mask::r-x; acl removes mask::---",
			absent: absent("/srv/list"), gone: "! test -e /srv/list",
		},
		{
			name: "file default acl", prepare: "mkdir -p /srv",
			declare: catalog.Resource{File: &catalog.File{
				Path: "/srv/in", Ensure: catalog.Directory, Mode: "0770", Group: "adm", ACL: []string{"user:www-data:rwx", "default:user:www-data:rwx"},
			}},
			made: "changed directory made",
			// What is made in it can be read by the user.
			is:     "umask 027; echo x > /srv/in/new; runuser -u www-data -- cat /srv/in/new; ! runuser -u nobody -- cat /srv/in/new",
			absent: absent("/srv/in"), gone: "! test -e /srv/in",
		},
		{
			name: "file purge", prepare: "mkdir -p /etc/app.d/sub/full /srv/else; touch /etc/app.d/keep /etc/app.d/sub/full/x /srv/else/x; ln -s /srv/else /etc/app.d/link",
			declare: catalog.Resource{File: &catalog.File{
				Path: "/etc/app.d", Ensure: catalog.Directory, Purge: true, Force: true, Declared: []string{"keep", "sub/one"}, Recurse: true, Owner: "www-data", Mode: "0640",
			}},
			made: "changed mode 0755 → 0750; owner 0 → www-data; purge removes 3 entries: link, sub/full/, sub/full/x; recurse changes owner, group or mode of 1 entry, sub",
			is:   `test "$(find /etc/app.d -printf '%P %m %u\n' | sort | tr '\n' ,)" = " 750 www-data,keep 644 root,sub 750 www-data,"; test -e /srv/else/x`,
			// The file that is made belongs to nobody's declaration.
			drift: "mkdir /etc/app.d/sub/more", mended: "changed purge removes 1 entry, sub/more/",
			absent: absent("/etc/app.d"), gone: "! test -e /etc/app.d",
		},
		{
			name: "file link", prepare: "mkdir -p /srv/v1/bin",
			declare: catalog.Resource{File: &catalog.File{Path: "/srv/current", Ensure: catalog.Link, Target: "v1", Owner: "www-data"}},
			made:    "changed link to v1 made", is: `test "$(readlink /srv/current)" = v1; test "$(stat -c %U /srv/current)" = www-data; test "$(stat -c %U /srv/v1)" = root`,
			drift: "ln -sfn v2 /srv/current", mended: "changed target v2 → v1; owner 0 → www-data",
			absent: absent("/srv/current"), gone: "! test -L /srv/current; test -d /srv/v1/bin",
		},
	}
}
