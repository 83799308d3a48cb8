package twin

func filePairs() []pair {
	return []pair{
		{
			name: "file-content", puppet: `file { '/srv/content': content => "one\ntwo\n", mode => '0640' }`,
			role:  `- {file: /srv/content, content: "one\ntwo\n", mode: 0640}`,
			drift: "echo three >/srv/content; chmod 600 /srv/content",
		}, {
			name: "file-owner", puppet: `file { '/srv/owned': content => "x\n", owner => 'www-data', group => 'adm', mode => '4750' }`,
			role:  `- {file: /srv/owned, content: "x\n", owner: www-data, group: adm, mode: 4750}`,
			drift: "chown root:root /srv/owned",
		}, {
			name: "file-mode-kept", puppet: `file { '/srv/replaced': ensure => file, content => "new\n" }`,
			role:    `- {file: /srv/replaced, content: "new\n"}`,
			prepare: "echo old >/srv/replaced; chmod 4711 /srv/replaced; chown www-data:adm /srv/replaced",
		}, {
			name: "file-emptied", puppet: `file { '/srv/emptied': content => '' }`,
			role:    `- {file: /srv/emptied, content: ""}`,
			prepare: "echo gone >/srv/emptied",
			drift:   "echo back >/srv/emptied",
		}, {
			name: "file-attributes", puppet: `file { '/srv/attributes': mode => '0600', owner => 'www-data' } file { '/srv/empty': ensure => file, mode => '0640' }`,
			role:    "- {file: /srv/attributes, ensure: present, mode: 0600, owner: www-data}\n- {file: /srv/empty, ensure: present, mode: 0640}",
			prepare: "echo any >/srv/attributes",
			drift:   "chmod 666 /srv/attributes; rm /srv/empty",
		}, {
			name: "file-replace", puppet: `file { '/srv/seed': content => "seed\n", replace => false } file { '/srv/seeded': content => "seed\n", replace => false, mode => '0600' }`,
			role:    "- {file: /srv/seed, content: \"seed\\n\", replace: false}\n- {file: /srv/seeded, content: \"seed\\n\", replace: false, mode: 0600}",
			prepare: "echo mine >/srv/seeded",
			drift:   "rm /srv/seed; chmod 644 /srv/seeded",
		}, {
			name: "file-utf8", puppet: `file { '/srv/grüße': content => "größer ☃\r\n" }`,
			role:  `- {file: /srv/grüße, content: "größer ☃\r\n"}`,
			drift: "rm /srv/grüße",
		}, {
			name: "file-folder", puppet: `file { '/srv/folder': ensure => directory, mode => '1777', group => 'adm' }`,
			role:  `- {file: /srv/folder, ensure: directory, mode: 1777, group: adm}`,
			drift: "rmdir /srv/folder",
		}, {
			name: "file-folder-first", puppet: `file { '/srv/first/second/file': content => "x\n" } file { ['/srv/first/second', '/srv/first']: ensure => directory }`,
			role:  "- {file: /srv/first/second/file, content: \"x\\n\"}\n- {file: /srv/first/second, ensure: directory}\n- {file: /srv/first, ensure: directory}",
			drift: "rm -r /srv/first",
		}, {
			name: "file-absent", puppet: `file { '/srv/absent': ensure => absent }`,
			role:    `- {file: /srv/absent, ensure: absent}`,
			prepare: "touch /srv/absent",
			drift:   "ln -s /nowhere /srv/absent",
		}, {
			name: "file-over-link", puppet: `file { '/srv/overlink': ensure => file, content => "x\n" }`,
			role:    `- {file: /srv/overlink, content: "x\n"}`,
			prepare: "echo target >/srv/overlink-target; ln -s overlink-target /srv/overlink",
		}, {
			name: "file-validated", puppet: `file { '/srv/validated': content => "good\n", validate_cmd => '/bin/grep -q good %' }`,
			role:  `- {file: /srv/validated, content: "good\n", validate: [grep, -q, good, "%s"]}`,
			drift: "echo bad >/srv/validated",
		}, {
			name: "file-invalid", puppet: `file { '/srv/invalid': content => "bad\n", validate_cmd => '/bin/grep -q good %' } file { '/srv/after-invalid': content => "x\n", require => File['/srv/invalid'] }`,
			role:    "- {file: /srv/invalid, content: \"bad\\n\", validate: [grep, -q, good, \"%s\"]}\n- {file: /srv/after-invalid, content: x, require: \"file[/srv/invalid]\"}",
			prepare: "echo good >/srv/invalid",
			fails:   true,
		}, {
			name: "file-sensitive", puppet: `file { '/srv/sensitive': content => Sensitive("hunter2\n"), mode => '0400' }`,
			role:  `- {file: /srv/sensitive, content: "hunter2\n", mode: 0400, sensitive: true}`,
			drift: "chmod 444 /srv/sensitive",
		},
	}
}

func treePairs() []pair {
	return []pair{
		{
			name: "link", puppet: `file { '/srv/link': ensure => link, target => 'somewhere/else' }`,
			role:  `- {file: /srv/link, ensure: link, target: somewhere/else}`,
			drift: "ln -sfn /nowhere /srv/link",
		}, {
			name: "link-over-file", puppet: `file { '/srv/linked': ensure => '/etc/hostname' }`,
			role:    `- {file: /srv/linked, ensure: link, target: /etc/hostname}`,
			prepare: "echo x >/srv/linked",
			refuses: "A file is in the way of a link or a folder. Puppet replaces it, rackhand refuses: `force: true` allows it.",
			differs: map[string]string{"file /srv/linked": ""},
		}, {
			name: "folder-purged", puppet: `
				file { '/srv/conf.d': ensure => directory, recurse => true, purge => true, force => true }
				file { '/srv/conf.d/declared': content => "x\n" }`,
			role:    "- {file: /srv/conf.d, ensure: directory, purge: true, force: true}\n- {file: /srv/conf.d/declared, content: \"x\\n\"}",
			prepare: "mkdir -p /srv/conf.d/stray; touch /srv/conf.d/stray/file /srv/conf.d/other; ln -s /etc /srv/conf.d/link",
			drift:   "touch /srv/conf.d/another",
		}, {
			name: "folder-recursed", puppet: `file { '/srv/tree': ensure => directory, recurse => true, owner => 'www-data', group => 'adm', mode => '0640' }`,
			role:    `- {file: /srv/tree, ensure: directory, recurse: true, owner: www-data, group: adm, mode: 0640}`,
			prepare: "mkdir -p /srv/tree/a/b; touch /srv/tree/a/b/c; chmod 777 /srv/tree/a; ln -s /etc/hostname /srv/tree/link",
			drift:   "chmod 600 /srv/tree/a/b/c; chown root /srv/tree/a",
		}, {
			name: "folder-absent", puppet: `file { '/srv/old-tree': ensure => absent, force => true }`,
			role:    `- {file: /srv/old-tree, ensure: absent, force: true}`,
			prepare: "mkdir -p /srv/old-tree/a; touch /srv/old-tree/a/b",
			drift:   "mkdir -p /srv/old-tree/a",
		}, {
			name: "file-over-folder", puppet: `file { '/srv/was-folder': ensure => file, content => "x\n", force => true }`,
			role:    `- {file: /srv/was-folder, content: "x\n", force: true}`,
			prepare: "mkdir -p /srv/was-folder/a",
		}, {
			name: "folder-over-file", puppet: `file { '/srv/was-file': ensure => directory }`,
			role:    `- {file: /srv/was-file, ensure: directory, force: true}`,
			prepare: "touch /srv/was-file",
		},
	}
}
