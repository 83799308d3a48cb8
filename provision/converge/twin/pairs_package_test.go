package twin

// archive makes packages in the folder /repo of a system whose root is $1: `deb NAME VERSION
// [FIELDS]` of what is in the folder ./NAME.
const archive = `
mkdir -p "$1/repo" && cd "$1/repo"
deb() {
	mkdir -p "$1/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n%s' "$1" "$2" "$3" >"$1/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip -b "$1" "$1_$2_all.deb" >/dev/null
}
for p in twin-plain twin-gone twin-base twin-other twin-ground twin-floor; do deb $p 1; done
for v in 1 2; do for p in twin-exact twin-late twin-held; do deb $p $v; done; done
for p in twin-purged twin-conf; do
	mkdir -p $p/etc $p/DEBIAN
	echo shipped >$p/etc/$p.conf
	echo /etc/$p.conf >$p/DEBIAN/conffiles
	deb $p 1
done
deb twin-top 1 'Depends: twin-base
'
deb twin-addon 1 'Depends: twin-ground
'
deb twin-carpet 1 'Depends: twin-floor
'
deb twin-unmet 1 'Depends: twin-nowhere
'
mkdir -p twin-daemon/etc twin-daemon/usr/lib/systemd/system twin-daemon/DEBIAN
echo shipped >twin-daemon/etc/twin-daemon.conf
echo /etc/twin-daemon.conf >twin-daemon/DEBIAN/conffiles
printf '[Service]\nExecStartPre=/bin/sh -c "cat /etc/twin-daemon.conf >>/srv/twin-daemon.log"\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >twin-daemon/usr/lib/systemd/system/twin-daemon.service
printf '#!/bin/sh\nsystemctl daemon-reload\n' >twin-daemon/DEBIAN/postinst
chmod 755 twin-daemon/DEBIAN/postinst
deb twin-daemon 1
apt-ftparchive packages . >Packages
mkdir -p "$1/repo2" && cd "$1/repo2"
deb twin-vendor 1
apt-ftparchive packages . >Packages
rm -rf "$1"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repo ./' >"$1/etc/apt/sources.list"
`

func packagePairs() []pair {
	return []pair{
		{
			name: "package-present", puppet: `package { 'twin-plain': ensure => present }`,
			role:  `- {package: twin-plain}`,
			drift: "dpkg --purge twin-plain",
		}, {
			name: "package-dependency", puppet: `package { 'twin-top': ensure => installed }`,
			role: `- {package: twin-top}`,
		}, {
			name: "package-absent", puppet: `package { 'twin-gone': ensure => absent }`,
			role:    `- {package: twin-gone, ensure: absent}`,
			prepare: "get twin-gone",
			drift:   "get twin-gone",
		}, {
			name: "package-dependants", puppet: `package { 'twin-ground': ensure => absent }`,
			role:    `- {package: twin-ground, ensure: absent, with_dependants: true}`,
			prepare: "get twin-addon",
			drift:   "get twin-addon",
		}, {
			name: "package-dependants-kept", puppet: `package { 'twin-floor': ensure => absent }`,
			role:    `- {package: twin-floor, ensure: absent}`,
			prepare: "get twin-carpet",
			refuses: "Another package depends on the one to be removed. Puppet removes both, rackhand refuses: `with_dependants: true` allows it.",
			differs: map[string]string{"package twin-floor": "", "package twin-carpet": ""},
		}, {
			name: "package-version", puppet: `package { 'twin-exact': ensure => '1' }`,
			role:  `- {package: twin-exact, ensure: 1}`,
			drift: "get twin-exact=2",
		}, {
			name: "package-latest", puppet: `package { 'twin-late': ensure => latest }`,
			role:    `- {package: twin-late, ensure: latest}`,
			prepare: "get twin-late=1",
			drift:   "get twin-late=1",
		}, {
			name: "package-held", puppet: `package { 'twin-held': ensure => '1', mark => hold }`,
			role:  `- {package: twin-held, ensure: 1, hold: true}`,
			drift: "apt-mark unhold twin-held",
		}, {
			name: "package-purged", puppet: `package { 'twin-purged': ensure => purged }`,
			role:    `- {package: twin-purged, ensure: purged}`,
			prepare: "get twin-purged; apt-get -qq -y remove twin-purged",
			drift:   "get twin-purged",
		}, {
			name: "package-absent-keeps", puppet: `package { 'twin-conf': ensure => absent }`,
			role:    `- {package: twin-conf, ensure: absent}`,
			prepare: "get twin-conf; echo edited >>/etc/twin-conf.conf",
		}, {
			name: "package-unmet", puppet: `package { ['twin-unmet', 'twin-other']: ensure => present }`,
			role:  "- {package: twin-unmet}\n- {package: twin-other}",
			fails: true,
		}, {
			name: "repository", puppet: `
				apt::source { 'vendor': location => 'file:/repo2', release => './', repos => '', allow_unsigned => true }
				-> Class['apt::update'] -> package { 'twin-vendor': ensure => present }`,
			role: `
- {repository: vendor, uris: "file:/repo2", suites: [./], unsigned: true}
- {package: twin-vendor}`,
			drift: "rm /etc/apt/sources.list.d/vendor.*",
			differs: map[string]string{
				"file /etc/apt/sources.list.d/vendor.*":   "Puppet's module apt writes `vendor.list` in one line, rackhand `vendor.sources` (deb822).",
				"file /etc/apt/apt.conf.d/15update-stamp": "The module also manages apt's settings and preferences; rackhand writes the repository and its key alone.",
				"file /etc/apt/preferences":               "",
			},
		}, {
			name: "package-file-service", puppet: `
				package { 'twin-daemon': ensure => present }
				-> file { '/etc/twin-daemon.conf': content => "declared\n" }
				~> service { 'twin-daemon': ensure => running, enable => true }`,
			role: `
- {package: twin-daemon}
- {file: /etc/twin-daemon.conf, content: "declared\n", notify: "service[twin-daemon]"}
- {service: twin-daemon, running: true, enabled: true}`,
			drift: "echo edited >/etc/twin-daemon.conf; systemctl disable twin-daemon",
		},
	}
}
