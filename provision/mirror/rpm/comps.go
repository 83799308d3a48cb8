package rpm

import (
	"encoding/xml"
	"fmt"
	"io"
)

// maxComps bounds a comps.xml, in bytes; Fedora's has 5 MB.
const maxComps = 64 << 20

// Groups are the package groups and environments of a repository, by their ids.
type Groups struct {
	groups       map[string][]string // id -> packages, mandatory and default
	environments map[string][]string // id -> groups
}

// Add reads a comps.xml, and adds its groups to those of other repositories.
func (g *Groups) Add(r io.Reader) error {
	var doc struct {
		Groups []struct {
			ID       string `xml:"id"`
			Packages []struct {
				Type string `xml:"type,attr"`
				Name string `xml:",chardata"`
			} `xml:"packagelist>packagereq"`
		} `xml:"group"`
		Environments []struct {
			ID     string   `xml:"id"`
			Groups []string `xml:"grouplist>groupid"`
		} `xml:"environment"`
	}
	if err := xml.NewDecoder(io.LimitReader(r, maxComps)).Decode(&doc); err != nil {
		return fmt.Errorf("read the groups of packages: %w", err)
	}
	if g.groups == nil {
		g.groups, g.environments = map[string][]string{}, map[string][]string{}
	}
	for _, x := range doc.Groups {
		for _, p := range x.Packages {
			// optional ones are installed only on request; conditional ones go with another
			// package, and are fetched with it
			if p.Type == "mandatory" || p.Type == "default" {
				g.groups[x.ID] = append(g.groups[x.ID], p.Name)
			}
		}
	}
	for _, x := range doc.Environments {
		g.environments[x.ID] = append(g.environments[x.ID], x.Groups...)
	}
	return nil
}

// Packages are those of a group or of all groups of an environment, as %packages names
// them without @ and @^; ok is false for one that is unknown.
func (g *Groups) Packages(id string, environment bool) (names []string, ok bool) {
	if !environment {
		names, ok = g.groups[id]
		return names, ok
	}
	groups, ok := g.environments[id]
	for _, group := range groups {
		names = append(names, g.groups[group]...)
	}
	return names, ok
}
