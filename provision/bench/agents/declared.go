package agents

import (
	"fmt"
	"strings"
)

// The resources, in each tool's own language: folders, files, packages that the image has,
// and services that run. All of them hold, so there is nothing to change.
const (
	folders, files, services = 10, 80, 5
	resources                = folders + files + services + 5 // packages
)

func packages() []string { return []string{"bash", "grep", "gzip", "sed", "tar"} }

func folder(i int) string  { return fmt.Sprintf("/srv/bench/folder%02d", i) }
func path(i int) string    { return fmt.Sprintf("%s/file%02d", folder(i%folders), i) }
func content(i int) string { return strings.Repeat(fmt.Sprintf("%02d of many lines\n", i), 40) }
func service(i int) string { return fmt.Sprintf("bench%d", i) }
func unit(i int) string {
	return fmt.Sprintf("[Service]\nExecStart=/bin/sleep %d\n[Install]\nWantedBy=multi-user.target\n", 1000000+i)
}

// declare calls a function for each resource of a kind.
func declare(b *strings.Builder, folderIs, fileIs func(i int) string, packageIs func(name string) string, serviceIs func(i int) string) string {
	for i := range folders {
		b.WriteString(folderIs(i))
	}
	for i := range files {
		b.WriteString(fileIs(i))
	}
	for _, name := range packages() {
		b.WriteString(packageIs(name))
	}
	for i := range services {
		b.WriteString(serviceIs(i))
	}
	return b.String()
}

// Role declares the resources in a role of rackhand.
func Role() string {
	var b strings.Builder
	b.WriteString("resources:\n")
	return declare(&b,
		func(i int) string {
			return fmt.Sprintf("  - file: %s\n    ensure: directory\n    mode: 0755\n    owner: root\n    group: root\n", folder(i))
		},
		func(i int) string {
			return fmt.Sprintf("  - file: %s\n    content: %q\n    mode: 0644\n    owner: root\n    group: root\n", path(i), content(i))
		},
		func(name string) string { return fmt.Sprintf("  - package: %s\n", name) },
		func(i int) string {
			return fmt.Sprintf("  - service: %s\n    running: true\n    enabled: true\n", service(i))
		})
}

// Manifest declares the resources for Puppet.
func Manifest() string {
	var b strings.Builder
	return declare(&b,
		func(i int) string {
			return fmt.Sprintf("file { '%s': ensure => directory, mode => '0755', owner => 'root', group => 'root' }\n", folder(i))
		},
		func(i int) string {
			return fmt.Sprintf("file { '%s': ensure => file, content => %s, mode => '0644', owner => 'root', group => 'root' }\n", path(i), fmt.Sprintf("%q", content(i)))
		},
		func(name string) string { return fmt.Sprintf("package { '%s': ensure => present }\n", name) },
		func(i int) string {
			return fmt.Sprintf("service { '%s': ensure => running, enable => true }\n", service(i))
		})
}

// Playbook declares the resources for Ansible.
func Playbook() string {
	var b strings.Builder
	b.WriteString("- hosts: localhost\n  connection: local\n  tasks:\n")
	return declare(&b,
		func(i int) string {
			return fmt.Sprintf("    - ansible.builtin.file: {path: %s, state: directory, mode: '0755', owner: root, group: root}\n", folder(i))
		},
		func(i int) string {
			return fmt.Sprintf("    - ansible.builtin.copy: {dest: %s, content: %q, mode: '0644', owner: root, group: root}\n", path(i), content(i))
		},
		func(name string) string {
			return fmt.Sprintf("    - ansible.builtin.apt: {name: %s, state: present}\n", name)
		},
		func(i int) string {
			return fmt.Sprintf("    - ansible.builtin.systemd: {name: %s, state: started, enabled: true}\n", service(i))
		})
}

// Promises declares the resources for CFEngine.
func Promises() string {
	var b strings.Builder
	b.WriteString(`body common control { bundlesequence => { "bench" }; inputs => { "/usr/share/cfengine3/masterfiles/lib/stdlib.cf" }; }
bundle agent bench
{
`)
	declare(&b,
		func(i int) string {
			return fmt.Sprintf("files: \"%s/.\" create => \"true\", perms => mog(\"755\", \"root\", \"root\");\n", folder(i))
		},
		func(i int) string {
			return fmt.Sprintf("files: \"%s\" create => \"true\", content => \"%s\", perms => mog(\"644\", \"root\", \"root\");\n", path(i), content(i))
		},
		func(name string) string {
			return fmt.Sprintf("packages: \"%s\" package_policy => \"add\", package_method => apt_get;\n", name)
		},
		func(i int) string {
			return fmt.Sprintf("services: \"%s\" service_policy => \"start\";\n", service(i))
		})
	b.WriteString("}\n")
	return b.String()
}
