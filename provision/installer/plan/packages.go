package plan

import (
	"fmt"
	"strings"

	"rackhand/provision/mask"
	"rackhand/templates/kickstart/engine"
)

// A Repo is a `repo` line: where packages come from.
type Repo struct {
	Name, URL string
	Keep      bool // --install: the installed system has it too
}

// PackageStep installs packages with the system's own package manager, from the Kickstart's
// repos, or without any from the image's own. Without packages it writes the kept repos only.
type PackageStep struct {
	Packages engine.Packages
	Repos    []Repo
	Skip     bool // skip repos that the package manager can't read
}

// String describes the step.
func (s PackageStep) String() string {
	p := s.Packages
	out := "packages, by the system's own package manager: " + strings.Join(p.Install, " ")
	for _, e := range p.Exclude {
		out += " -" + e
	}
	for _, o := range []struct {
		on   bool
		text string
	}{{p.IgnoreMissing, "ignoremissing"}, {p.ExcludeDocs, "excludedocs"}, {p.ExcludeWeakDeps, "exclude-weakdeps"}} {
		if o.on {
			out += ", " + o.text
		}
	}
	if p.Timeout > 0 || p.Retries > 0 {
		out += fmt.Sprintf(", timeout %d, retries %d", p.Timeout, p.Retries)
	}
	for _, r := range s.Repos {
		out += "\n  repo " + r.Name + " " + mask.Tokens(r.URL)
		if r.Keep {
			out += ", kept"
		}
	}
	return out
}
