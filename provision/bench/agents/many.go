package agents

import (
	"fmt"
	"strings"
)

// A Mix is many resources of one host: files in folders, packages and services. A tenth each
// comes from an included role with parameters and from each over a list.
type Mix struct{ Files, Folders, Packages, Services int }

// MixOf is a mix of so many resources, of 1,000 or more.
func MixOf(resources int) Mix {
	m := Mix{Folders: resources / 20, Packages: resources / 20, Services: resources / 100}
	m.Files = resources - m.Folders - m.Packages - m.Services
	return m
}

// Service is the name of a service of a mix.
func (m Mix) Service(i int) string { return fmt.Sprintf("many%04d", i) }

// Package is the name of a package of a mix.
func (m Mix) Package(i int) string { return fmt.Sprintf("many-package%04d", i) }

// included is the number of files that the role site makes, and as many come from each.
func (m Mix) included() int { return m.Files / 10 }

// Roles are the texts of the roles' files by their names. The host has the role many.
func (m Mix) Roles() map[string]string {
	const attributes = "    mode: 0644\n    owner: root\n    group: root\n"
	var b, site strings.Builder
	b.WriteString("parameters:\n  sites:\n    type: list(string)\n    default: [")
	for i := range m.included() {
		fmt.Fprintf(&b, "%s\"site%05d\"", map[bool]string{true: ", "}[i > 0], i)
	}
	b.WriteString("]\ninclude:\n")
	const sites = 50
	for i := range sites {
		fmt.Fprintf(&b, "  - role: site\n    with: {name: s%d, port: %d}\n", i, 8000+i)
	}
	site.WriteString("parameters:\n  name: {type: string}\n  port: {type: port}\nresources:\n")
	for i := range m.included() / sites {
		fmt.Fprintf(&site, "  - file: /srv/many/included/${param.name}-%d\n    content: \"listen ${param.port}; # ${host.name}\\n\"\n%s", i, attributes)
	}
	b.WriteString("resources:\n  - file: /srv/many\n    ensure: directory\n  - file: /srv/many/included\n    ensure: directory\n  - file: /srv/many/each\n    ensure: directory\n")
	for i := range m.Packages {
		fmt.Fprintf(&b, "  - package: %s\n", m.Package(i))
	}
	folders := m.Folders - 3
	for i := range folders {
		fmt.Fprintf(&b, "  - file: /srv/many/folder%04d\n    ensure: directory\n    mode: 0755\n    owner: root\n    group: root\n", i)
	}
	fmt.Fprintf(&b, "  - file: /srv/many/each/${site.value}\n    each: ${param.sites}\n    as: site\n    content: \"${site.value} of ${host.name}\\n\"\n%s", attributes)
	for i := range m.Files - m.included()/sites*sites - m.included() {
		fmt.Fprintf(&b, "  - file: /srv/many/folder%04d/file%05d\n    content: \"file %d of ${host.name}%s\\n\"\n%s", i%folders, i, i, strings.Repeat(" and more", 30), attributes)
		if i%10 == 0 {
			fmt.Fprintf(&b, "    notify: service[%s]\n", m.Service(i/10%m.Services))
		}
	}
	for i := range m.Services {
		fmt.Fprintf(&b, "  - service: %s\n    running: true\n    enabled: true\n", m.Service(i))
	}
	return map[string]string{"many": b.String(), "site": site.String()}
}
