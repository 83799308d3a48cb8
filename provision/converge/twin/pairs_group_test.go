package twin

func groupPairs() []pair {
	return []pair{
		{
			name: "group", puppet: `group { 'crew': gid => 4242 } group { 'crowd': ensure => present }`,
			role:  "- {group: crew, gid: 4242}\n- {group: crowd}",
			drift: "groupmod -g 4343 crew",
		}, {
			name: "group-system", puppet: `group { 'daemons': ensure => present, system => true }`,
			role:  `- {group: daemons, system: true}`,
			drift: "groupdel daemons",
		}, {
			name: "group-absent", puppet: `group { 'left': ensure => absent }`,
			role:    `- {group: left, ensure: absent}`,
			prepare: "groupadd left",
			drift:   "groupadd left",
		},
	}
}
