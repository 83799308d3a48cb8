package twin

// Keys that log in nowhere.
const (
	key1 = "AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE"
	key2 = "AAAAC3NzaC1lZDI1NTE5AAAAIKCkk8Jc4mQ5qlAzlEL3MEP9gfmMHjVrZLhBLB0ZjKzY"
)

func textPairs() []pair {
	return []pair{
		{
			name: "line", puppet: `file_line { 'port': path => '/srv/line', line => 'Port 2222', match => '^#?Port ' }`,
			role:    `- {line: port, path: /srv/line, text: "Port 2222", match: "^#?Port "}`,
			prepare: `printf '# comment\n#Port 22\nLast yes\n' >/srv/line; chmod 640 /srv/line`,
			drift:   "sed -i 's/2222/22/' /srv/line",
		}, {
			name: "line-new", puppet: `file_line { 'new': path => '/srv/line-new', line => 'new' }`,
			role:    `- {line: new, path: /srv/line-new, text: new}`,
			prepare: `printf 'old\n' >/srv/line-new`,
			drift:   `printf 'old\n' >/srv/line-new`,
		}, {
			name: "line-no-newline", puppet: `file_line { 'tail': path => '/srv/line-tail', line => 'new' }`,
			role:    `- {line: tail, path: /srv/line-tail, text: new}`,
			prepare: `printf 'old' >/srv/line-tail`,
			differs: map[string]string{"file /srv/line-tail": "A file without a newline at its end gets one from Puppet. rackhand leaves its end as it is."},
		}, {
			name: "line-after", puppet: `file_line { 'after': path => '/srv/line-after', line => 'second', after => '^first' }`,
			role:    `- {line: after, path: /srv/line-after, text: second, insert_after: ^first}`,
			prepare: `printf 'first\nthird\n' >/srv/line-after`,
			drift:   "sed -i /second/d /srv/line-after",
		}, {
			name: "line-multiple", puppet: `file_line { 'many': path => '/srv/line-many', line => 'x=1', match => '^x=', multiple => true }`,
			role:    `- {line: many, path: /srv/line-many, text: x=1, match: ^x=, multiple: true}`,
			prepare: `printf 'x=2\ny\nx=3\n' >/srv/line-many`,
		}, {
			name: "line-ambiguous", puppet: `file_line { 'which': path => '/srv/line-which', line => 'x=1', match => '^x=' }`,
			role:    `- {line: which, path: /srv/line-which, text: x=1, match: ^x=}`,
			prepare: `printf 'x=2\ny\nx=3\n' >/srv/line-which`,
			fails:   true,
		}, {
			name: "line-absent", puppet: `file_line { 'gone': ensure => absent, path => '/srv/line-gone', match => '^debug', match_for_absence => true, multiple => true }`,
			role:    `- {line: gone, ensure: absent, path: /srv/line-gone, match: ^debug, multiple: true}`,
			prepare: `printf 'debug on\nkept\ndebug off\n' >/srv/line-gone`,
			drift:   "echo debug >>/srv/line-gone",
		}, {
			name: "ini", puppet: `ini_setting { 'size': path => '/srv/ini', section => 'Journal', setting => 'SystemMaxUse', value => '200M' }`,
			role:    `- {ini: size, path: /srv/ini, section: Journal, key: SystemMaxUse, value: 200M}`,
			prepare: `printf '[Other]\nSystemMaxUse = 1\n\n[Journal]\n#SystemMaxUse =\nSystemMaxUse = 5M\nStorage = auto\n' >/srv/ini`,
			drift:   "sed -i s/200M/5M/ /srv/ini",
		}, {
			name: "ini-new", puppet: `ini_setting { 'new': path => '/srv/ini-new', section => 'a', setting => 'z', value => 'two words' }`,
			role:    `- {ini: z, path: /srv/ini-new, section: a, key: z, value: two words}`,
			prepare: `printf '[a]\nx = 1\n[b]\ny = 2\n' >/srv/ini-new`,
			drift:   "sed -i /^z/d /srv/ini-new",
		}, {
			name: "ini-commented", puppet: `ini_setting { 'commented': path => '/srv/ini-commented', section => 'a', setting => 'y', value => '2' }`,
			role:    `- {ini: commented, path: /srv/ini-commented, section: a, key: y, value: 2}`,
			prepare: `printf '[a]\nx = 1\n#y = 1\nz = 3\n' >/srv/ini-commented`,
		}, {
			name: "ini-section", puppet: `ini_setting { 'section': path => '/srv/ini-section', section => 'new', setting => 'x', value => '1', key_val_separator => '=' }`,
			role:    `- {ini: section, path: /srv/ini-section, section: new, key: x, value: 1, separator: "="}`,
			prepare: `printf '[old]\nx=1\n' >/srv/ini-section`,
		}, {
			name: "ini-absent", puppet: `ini_setting { 'gone': ensure => absent, path => '/srv/ini-gone', section => 'a', setting => 'x' }`,
			role:    `- {ini: gone, ensure: absent, path: /srv/ini-gone, section: a, key: x}`,
			prepare: `printf '[a]\nx = 1\ny = 2\n[b]\nx = 3\n' >/srv/ini-gone`,
			drift:   `sed -i 's/^\[a\]/[a]\nx = 1/' /srv/ini-gone`,
		}, {
			name: "host", puppet: `host { 'db.example.org': ip => '10.0.0.5', host_aliases => 'db' }`,
			role:    `- {line: db, path: /etc/hosts, text: "10.0.0.5\tdb.example.org\tdb", match: '\sdb\.example\.org(\s|$)'}`,
			drift:   "sed -i /example/d /etc/hosts",
			differs: map[string]string{"file /etc/hosts": "Puppet's type host writes the blanks of all lines of `/etc/hosts` its own way. rackhand leaves other lines as they are."},
		}, {
			name: "concat", puppet: `
				concat { '/srv/concat': mode => '0640' }
				concat::fragment { 'b': target => '/srv/concat', content => "second\n", order => '20' }
				concat::fragment { 'a': target => '/srv/concat', content => "first\n", order => '10' }`,
			role: `
parameters:
  parts: {type: list(string), default: [first, second]}
resources:
  - {file: /srv/concat, template: concat, mode: 0640}`,
			files: map[string]string{"templates/concat": "{{ range .Param.parts }}{{ . }}\n{{ end }}"},
			drift: "echo third >>/srv/concat",
		}, {
			name: "authorized-key", puppet: `ssh_authorized_key { 'anna@desk': user => 'keys', type => 'ssh-ed25519', key => '` + key1 + `', options => ['no-pty', 'from="10.0.0.0/8"'] }`,
			role:    `- {authorized_key: anna@desk, user: keys, key: "ssh-ed25519 ` + key1 + `", options: [no-pty, 'from="10.0.0.0/8"']}`,
			prepare: "useradd -m keys",
			drift:   "sed -i s/no-pty,// /home/keys/.ssh/authorized_keys; chmod 644 /home/keys/.ssh/authorized_keys",
		}, {
			name: "authorized-key-absent", puppet: `ssh_authorized_key { 'old@desk': ensure => absent, user => 'oldkeys', type => 'ssh-ed25519', key => '` + key1 + `' }`,
			role:    `- {authorized_key: old@desk, ensure: absent, user: oldkeys, key: "ssh-ed25519 ` + key1 + `"}`,
			prepare: "useradd -m oldkeys; install -d -m 700 -o oldkeys -g oldkeys /home/oldkeys/.ssh; printf 'ssh-ed25519 " + key1 + " old@desk\nssh-ed25519 " + key2 + " kept@desk\n' >/home/oldkeys/.ssh/authorized_keys; chown oldkeys: /home/oldkeys/.ssh/authorized_keys; chmod 600 /home/oldkeys/.ssh/authorized_keys",
		}, {
			name: "sudoers", puppet: `file { '/etc/sudoers.d/operators': content => "%adm ALL=(root) NOPASSWD: /usr/bin/systemctl restart cron\n", mode => '0440', validate_cmd => '/usr/sbin/visudo -cqf %' }`,
			role:  `- {sudoers: operators, content: "%adm ALL=(root) NOPASSWD: /usr/bin/systemctl restart cron\n"}`,
			drift: "chmod 644 /etc/sudoers.d/operators; echo '# edited' >>/etc/sudoers.d/operators",
		}, {
			name: "sudoers-invalid", puppet: `file { '/etc/sudoers.d/wrong': content => "%adm ALL=(root NOPASSWD\n", mode => '0440', validate_cmd => '/usr/sbin/visudo -cqf %' }`,
			role:  `- {sudoers: wrong, content: "%adm ALL=(root NOPASSWD\n"}`,
			fails: true,
		}, {
			name: "cron", puppet: `cron { 'report': command => '/usr/bin/true 100%', user => 'www-data', minute => 5, hour => '*/2' }`,
			role:  `- {cron: report, command: "/usr/bin/true 100%", user: www-data, minute: 5, hour: "*/2"}`,
			drift: "rm -f /etc/cron.d/report /var/spool/cron/crontabs/www-data",
			differs: map[string]string{
				"file /var/spool/cron/crontabs/www-data": "Puppet writes the job into the user's crontab, rackhand into a file of `/etc/cron.d`. A `%` in the command stays a `%` with rackhand; cron makes a line break of Puppet's.",
				"file /etc/cron.d/report":                "",
			},
		},
	}
}
