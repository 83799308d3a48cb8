package twin

func userPairs() []pair {
	const hash = "$6$saltsalt$KSpBMHdAfxMkyk6KRg/Y6kCGdiDRCnYpCzrPcYBdYVjcSCRg.xXQlJVkLpbJeyOhsDgwGPyJSjYPYYxeWcmPC0"
	return []pair{
		{
			name: "user", puppet: `user { 'anna': ensure => present, uid => 4300, gid => 'crew', comment => 'Anna Ä.', home => '/home/anna', managehome => true, shell => '/bin/bash' }`,
			role:  `- {user: anna, uid: 4300, group: crew, comment: "Anna Ä.", home: /home/anna, shell: /bin/bash}`,
			drift: "usermod -s /bin/sh -c other -g adm anna",
		}, {
			name: "user-plain", puppet: `user { 'plain': ensure => present, managehome => true }`,
			role: `- {user: plain}`,
		}, {
			name: "user-password", puppet: `user { 'pass': ensure => present, password => Sensitive('` + hash + `') }`,
			role:  `- {user: pass, password: "` + hash + `", manage_home: false}`,
			drift: "usermod -p '$6$saltsalt$other' pass",
		}, {
			name: "user-groups", puppet: `user { 'otto': ensure => present, groups => ['adm', 'crew'], membership => inclusive }`,
			role:  `- {user: otto, groups: [adm, crew], manage_home: false}`,
			drift: "usermod -a -G sudo otto; gpasswd -d otto adm",
		}, {
			name: "user-groups-more", puppet: `user { 'mina': groups => 'adm' }`,
			role:    `- {user: mina, groups: [adm], membership: minimum, manage_home: false}`,
			prepare: "useradd -G staff mina",
			drift:   "gpasswd -d mina adm",
		}, {
			name: "user-system", puppet: `user { 'robot': ensure => present, system => true, shell => '/usr/sbin/nologin', home => '/var/lib/robot' }`,
			role: `- {user: robot, system: true, shell: /usr/sbin/nologin, home: /var/lib/robot}`,
		}, {
			name: "user-expiry", puppet: `user { 'guest': ensure => present, expiry => '2030-01-31' }`,
			role:  `- {user: guest, expiry: "2030-01-31", manage_home: false}`,
			drift: "usermod -e '' guest",
		}, {
			name: "user-absent", puppet: `user { 'former': ensure => absent, managehome => true }`,
			role:    `- {user: former, ensure: absent, remove_home: true}`,
			prepare: "useradd -m former",
			drift:   "useradd -m former",
		}, {
			name: "user-absent-home", puppet: `user { 'moved': ensure => absent }`,
			role:    `- {user: moved, ensure: absent}`,
			prepare: "useradd -m moved",
		}, {
			name: "user-moved", puppet: `user { 'mover': home => '/srv/mover', managehome => true }`,
			role:    `- {user: mover, home: /srv/mover}`,
			prepare: "useradd -m mover; touch /home/mover/kept",
			differs: map[string]string{
				"file /home/mover*": "A new `home` of a user who exists: rackhand moves the folder there. Puppet changes the entry in passwd alone.",
				"file /srv/mover*":  "",
			},
		},
	}
}
