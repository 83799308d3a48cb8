package twin

// prelude has functions for the scripts of pairs.
const prelude = `
# unit NAME [LINE...]: a service that notes its starts in /srv/NAME.log.
unit() {
	name=$1; shift
	{
		printf '[Service]\nExecStartPre=/bin/sh -c "echo start >>/srv/%s.log"\nExecStart=/bin/sleep infinity\n' $name
		for line; do echo "$line"; done
		printf '[Install]\nWantedBy=multi-user.target\n'
	} >/etc/systemd/system/$name.service
	systemctl daemon-reload
}
# get PACKAGE...: installs them, older versions too.
get() { apt-get -qq -y --allow-downgrades install "$@"; }
`

func servicePairs() []pair {
	return []pair{
		{
			name: "service-running", puppet: `service { 'up': ensure => running }`,
			role:    `- {service: up, running: true}`,
			prepare: "unit up",
			drift:   "systemctl stop up",
		}, {
			name: "service-stopped", puppet: `service { 'down': ensure => stopped }`,
			role:    `- {service: down, running: false}`,
			prepare: "unit down; systemctl start down",
			drift:   "systemctl start down",
		}, {
			name: "service-enabled", puppet: `service { 'boots': enable => true }`,
			role:    `- {service: boots, enabled: true}`,
			prepare: "unit boots",
			drift:   "systemctl disable boots",
		}, {
			name: "service-disabled", puppet: `service { 'manual': ensure => running, enable => false }`,
			role:    `- {service: manual, running: true, enabled: false}`,
			prepare: "unit manual; systemctl enable manual",
			drift:   "systemctl enable manual",
		}, {
			name: "service-masked", puppet: `service { 'masked': ensure => stopped, enable => mask }`,
			role:    `- {service: masked, running: false, masked: true}`,
			prepare: "unit masked; mkdir -p /usr/local/lib/systemd/system; mv /etc/systemd/system/masked.service /usr/local/lib/systemd/system/; systemctl daemon-reload; systemctl start masked",
			drift:   "systemctl unmask masked; systemctl start masked",
		}, {
			name: "timer", puppet: `
				file { '/etc/systemd/system/tick.service': content => "[Service]\nType=oneshot\nExecStart=/bin/true\n" }
				-> file { '/etc/systemd/system/tick.timer': content => "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n" }
				~> service { 'tick.timer': ensure => running, enable => true }`,
			role:  `- {timer: tick, command: [/bin/true], schedule: daily}`,
			drift: "systemctl disable --now tick.timer",
			differs: map[string]string{
				"file /etc/systemd/system/tick.*": "rackhand writes both units of a timer itself, with a description and a shell where the command is a text.",
			},
		}, {
			name: "service-notified", puppet: `file { '/srv/notified.conf': content => "x\n", notify => Service['notified'] } service { 'notified': ensure => running }`,
			role:    "- {file: /srv/notified.conf, content: \"x\\n\", notify: \"service[notified]\"}\n- {service: notified, running: true}",
			prepare: "unit notified; systemctl start notified",
			drift:   "echo y >/srv/notified.conf",
		}, {
			name: "service-notified-down", puppet: `file { '/srv/started.conf': content => "x\n", notify => Service['started'] } service { 'started': ensure => running }`,
			role:    "- {file: /srv/started.conf, content: \"x\\n\", notify: \"service[started]\"}\n- {service: started, running: true}",
			prepare: "unit started",
		}, {
			name: "service-reloaded", puppet: `file { '/srv/reloaded.conf': content => "x\n" } ~> service { 'reloaded': ensure => running, restart => '/bin/systemctl reload reloaded' }`,
			role:    "- {file: /srv/reloaded.conf, content: \"x\\n\", notify: \"service[reloaded]\"}\n- {service: reloaded, running: true, refresh: reload}",
			prepare: `unit reloaded 'ExecReload=/bin/sh -c "echo reload >>/srv/reloaded.log"'; systemctl start reloaded`,
			drift:   "echo y >/srv/reloaded.conf",
		}, {
			name: "service-unit", puppet: `
				file { '/etc/systemd/system/declared.service': content => "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n" }
				~> service { 'declared': ensure => running, enable => true }`,
			role: `
- {file: /etc/systemd/system/declared.service, content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n", notify: "service[declared]"}
- {service: declared, running: true, enabled: true}`,
			drift: "systemctl disable --now declared",
		}, {
			name: "service-broken", puppet: `service { 'broken': ensure => running } -> file { '/srv/after-broken': content => "x\n" }`,
			role:    "- {service: broken, running: true}\n- {file: /srv/after-broken, content: x, require: \"service[broken]\"}",
			prepare: "unit broken Type=oneshot ExecStart= ExecStart=/bin/false",
			fails:   true,
		},
	}
}
