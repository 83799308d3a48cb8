//go:build e2e

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
			name: "order", puppet: `file { '/srv/order': ensure => directory } file { '/srv/ordered': content => "x\n", require => File['/srv/order'] }`,
			role: "- {file: /srv/ordered, content: \"x\\n\", require: \"file[/srv/order]\"}\n- {file: /srv/order, ensure: directory}",
		},
	}
}
