package twin

func execPairs() []pair {
	return []pair{
		{
			name: "exec-creates", puppet: `exec { '/usr/bin/touch /srv/made': creates => '/srv/made' }`,
			role:  `- {exec: make, command: [/usr/bin/touch, /srv/made], creates: /srv/made}`,
			drift: "rm /srv/made",
		}, {
			name: "exec-unless", puppet: `exec { 'add': command => '/bin/echo x >>/srv/added', unless => '/bin/grep -q x /srv/added', provider => shell }`,
			role:  `- {exec: add, command: "echo x >>/srv/added", unless: "grep -q x /srv/added"}`,
			drift: "echo y >/srv/added",
			stays: map[string]string{"file /srv/added": ""},
		}, {
			name: "exec-onlyif", puppet: `exec { '/bin/mv /srv/from /srv/to': onlyif => '/usr/bin/test -e /srv/from' }`,
			role:    `- {exec: move, command: [mv, /srv/from, /srv/to], onlyif: [test, -e, /srv/from]}`,
			prepare: "echo x >/srv/from",
			drift:   "mv /srv/to /srv/from",
		}, {
			name: "exec-refresh", puppet: `file { '/srv/refresh.conf': content => "x\n" } ~> exec { '/bin/sh -c "echo refreshed >>/srv/refresh.log"': refreshonly => true }`,
			role: `
- {file: /srv/refresh.conf, content: "x\n", notify: "exec[refresh]"}
- {exec: refresh, command: "echo refreshed >>/srv/refresh.log", refresh_only: true}`,
			drift: "echo y >/srv/refresh.conf",
		}, {
			name: "exec-user", puppet: `exec { '/bin/sh -c "echo $WORD >>/tmp/word; cp -p /tmp/word who"': user => 'www-data', cwd => '/srv/www', environment => ['WORD=hello'], umask => '027', creates => '/srv/www/who' }`,
			role:    `- {exec: who, command: "echo $WORD >>/tmp/word; cp -p /tmp/word who", user: www-data, cwd: /srv/www, environment: [WORD=hello], umask: 027, creates: /srv/www/who}`,
			prepare: "mkdir /srv/www; chown www-data: /srv/www; rm -f /tmp/word",
		}, {
			name: "exec-status", puppet: `exec { '/bin/sh -c "echo x >/srv/status; exit 3"': returns => [0, 3], creates => '/srv/status' }`,
			role: `- {exec: status, command: "echo x >/srv/status; exit 3", exit: [0, 3], creates: /srv/status}`,
		}, {
			name: "exec-fails", puppet: `exec { '/bin/false': } -> file { '/srv/after-false': content => "x\n" }`,
			role:  "- {exec: \"no\", command: [\"false\"], always: true}\n- {file: /srv/after-false, content: x, require: \"exec[no]\"}",
			fails: true,
		},
	}
}
