//go:build e2e

package converge

import "rackhand/provision/catalog"

func userCases() []conformance {
	uid, gone := 4711, &catalog.Resource{User: &catalog.User{Name: "deploy", Ensure: catalog.Absent, RemoveHome: true}}
	comment, hash := "Ada, of the Engine", "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g."
	of := func(u catalog.User) catalog.Resource {
		u.Name, u.Ensure = "deploy", catalog.Present
		return catalog.Resource{User: &u}
	}
	return []conformance{
		{
			name:    "user",
			declare: of(catalog.User{UID: &uid, Group: "users", Groups: []string{"adm"}, Comment: &comment, Home: "/srv/deploy", ManageHome: true, Shell: "/bin/bash", Password: hash, Expiry: "2030-01-31"}),
			made:    "changed made",
			is: `test "$(getent passwd deploy)" = 'deploy:x:4711:100:Ada, of the Engine:/srv/deploy:/bin/bash'; test "$(id -Gn deploy)" = 'users adm'
				test "$(stat -c %U:%G /srv/deploy/.bashrc)" = deploy:users; getent shadow deploy | grep -q '^deploy:$6$salt$.*:21945:'`,
			drift:  "usermod --groups sudo,adm --comment x --shell /bin/sh --expiredate '' deploy; rm -r /srv/deploy; usermod --password x deploy",
			mended: `changed groups: removes sudo; comment x → Ada, of the Engine; home folder made; shell /bin/sh → /bin/bash; expiry never → 2030-01-31; password changed`,
			absent: gone, gone: "! getent passwd deploy; ! test -e /srv/deploy",
		},
		{
			name:    "user with a minimum of groups",
			declare: of(catalog.User{Groups: []string{"adm"}, Membership: catalog.Minimum, Locked: yes(), ManageHome: true}),
			made:    "changed made", is: `id -Gn deploy | grep -q adm; getent shadow deploy | grep -q '^deploy:!'; test -e /home/deploy`,
			drift:  "usermod --groups sudo --password '$6$a$b' deploy",
			mended: "changed groups: adds adm; locked",
		},
		{ // the same user goes on
			name: "groups that were added by hand stay", prepare: "id -Gn deploy | grep -q 'adm sudo'",
			declare: of(catalog.User{Groups: []string{"adm"}, Membership: catalog.Minimum}), made: "ok", is: "id -Gn deploy | grep -q 'adm sudo'",
		},
		{
			name:    "user without groups, unlocked",
			declare: of(catalog.User{Groups: []string{}, Locked: no(), Home: "/srv/moved", ManageHome: true}),
			made:    "changed groups: removes adm, sudo; home /home/deploy → /srv/moved; unlocked",
			is:      `test "$(id -Gn deploy)" = deploy; test -e /srv/moved/.profile; ! test -e /home/deploy; getent shadow deploy | grep -q '^deploy:$6$a$b:'`,
			absent:  &catalog.Resource{User: &catalog.User{Name: "deploy", Ensure: catalog.Absent}},
			gone:    "! getent passwd deploy; test -e /srv/moved; rm -r /srv/moved",
		},
		{
			name: "system user of its own group", prepare: "groupadd --system robot",
			declare: catalog.Resource{User: &catalog.User{Name: "robot", Ensure: catalog.Present, System: true, Home: "/nonexistent", Shell: "/usr/sbin/nologin", Locked: no()}},
			made:    "changed made", is: `test "$(id -gn robot)" = robot; test "$(id -u robot)" -lt 1000; getent shadow robot | grep -q '^robot:\*:'`,
			absent: &catalog.Resource{User: &catalog.User{Name: "robot", Ensure: catalog.Absent}}, gone: "! getent passwd robot",
		},
	}
}
