package installer

import (
	"fmt"
	"strings"

	"rackhand/templates/kickstart"
)

// A repo is a `repo` line: where packages come from.
type repo struct {
	Name, URL string
	Keep      bool // --install: the installed system has it too
}

// packageStep installs packages in the system by its own package manager, from the
// Kickstart's repos, else from the image's own. With nothing to install it leaves the
// repos that are to be kept.
type packageStep struct {
	Packages kickstart.Packages
	Repos    []repo
	Skip     bool // repos that the system's package manager can't read are passed over
}

func (s packageStep) String() string {
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
		out += "\n  repo " + r.Name + " " + hideToken(r.URL)
		if r.Keep {
			out += ", kept"
		}
	}
	return out
}
