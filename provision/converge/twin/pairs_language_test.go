package twin

func languagePairs() []pair {
	return []pair{
		{
			name: "each-list", puppet: `['a', 'b'].each |$n| { file { "/srv/list-${n}": content => "${n}\n" } }`,
			role: `
parameters:
  list_names: {type: list(string), default: [a, b]}
resources:
  - {file: "/srv/list-${each.value}", content: "${each.value}\n", each: "${param.list_names}"}`,
			drift: "rm /srv/list-b",
		}, {
			name: "each-hash", puppet: `{ 'shop' => 80, 'blog' => 81 }.each |$name, $port| { file { "/srv/site-${name}": content => "listen ${port}\n" } }`,
			role: `
parameters:
  sites: {type: map(port), default: {shop: 80, blog: 81}}
resources:
  - {file: "/srv/site-${site.key}", content: "listen ${site.value}\n", each: "${param.sites}", as: site}`,
			drift: "rm /srv/site-shop",
		}, {
			name: "defined-type", puppet: `
				define vhost($port = 80) { file { "/srv/vhost-${name}": content => "listen ${port}\n" } }
				pair_defined_type::vhost { 'shop': } pair_defined_type::vhost { 'blog': port => 81 }`,
			role: `
include:
  - {role: vhost, with: {vhost_name: shop}}
  - {role: vhost, with: {vhost_name: blog, vhost_port: 81}}`,
			files: map[string]string{"roles/vhost.yaml": `
parameters:
  vhost_name: {required: true}
  vhost_port: {type: port, default: 80}
resources:
  - {file: "/srv/vhost-${param.vhost_name}", content: "listen ${param.vhost_port}\n"}`},
			drift: "rm /srv/vhost-shop",
		}, {
			name: "template", puppet: `$colours = ['red', 'blue'] file { '/srv/template': content => inline_epp('<% $colours.each |$c| { %>colour <%= $c %><%= "\n" %><% } %>') }`,
			role: `
parameters:
  colours: {type: list(string), default: [red, blue]}
resources:
  - {file: /srv/template, template: colours}`,
			files: map[string]string{"templates/colours": "{{ range .Param.colours }}colour {{ . }}\n{{ end }}"},
			drift: "echo colour green >>/srv/template",
		}, {
			name: "facts", puppet: `
				if $facts['os']['name'] == 'Debian' { file { '/srv/debian': content => "${facts['os']['distro']['codename']}\n" } }
				else { file { '/srv/other': content => "x\n" } }`,
			role: `
- {file: /srv/debian, content: "${facts.os.codename}\n", when: 'facts.os.id == "debian"'}
- {file: /srv/other, content: "x\n", when: 'facts.os.id != "debian"'}`,
			drift: "rm -f /srv/debian",
		}, {
			name: "before", puppet: `file { '/srv/before.conf': content => "x\n", before => Service['before'] } service { 'before': ensure => running }`,
			role:    "- {service: before, running: true}\n- {file: /srv/before.conf, content: \"x\\n\", before: \"service[before]\"}",
			prepare: "unit before 'ExecStartPre=/bin/sh -c \"cat /srv/before.conf >>/srv/before.log\"'",
			drift:   "systemctl stop before; rm /srv/before.conf",
		}, {
			name: "order", puppet: `file { '/srv/order': ensure => directory } file { '/srv/ordered': content => "x\n", require => File['/srv/order'] }`,
			role: "- {file: /srv/ordered, content: \"x\\n\", require: \"file[/srv/order]\"}\n- {file: /srv/order, ensure: directory}",
		},
	}
}
