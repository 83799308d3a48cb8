package packages

import (
	"context"
	"errors"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// virtuals finds virtual packages among the wanted ones: names that other packages provide
// (apt-cache(8), showpkg). For such a name apt installs some provider, or asks which. dpkg
// never reports the name as installed, so the resource would be changed at every run. If
// apt-cache fails, no package is refused.
func (a *Apt) virtuals(ctx context.Context, packages []catalog.Package) map[string]error {
	var names []string
	for _, p := range packages {
		if p.Ensure == catalog.Present {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	out, err := a.Runner.Run(ctx, nil, append([]string{"apt-cache", "showpkg", "--"}, names...)...)
	if err != nil {
		return nil
	}
	found := map[string]error{}
	for name, providers := range parseShowpkg(out.Stdout) {
		if !slices.Contains(names, name) {
			continue
		}
		found[name] = errors.New(name + " is a virtual package: " + Listed(providers) + " provide it; name one of them in the role")
	}
	return found
}

// Listed formats names for a sentence, eight at most.
func Listed(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// parseShowpkg reads apt-cache's showpkg: the names that have no version of their own
// and are provided by others, with those.
func parseShowpkg(text string) map[string][]string {
	virtual := map[string][]string{}
	name, section, versions := "", "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		head, rest, isHead := strings.Cut(line, ":")
		switch {
		case isHead && head == "Package":
			name, section, versions = strings.TrimSpace(rest), "", false
		case isHead && slices.Contains([]string{"Versions", "Reverse Depends", "Dependencies", "Provides", "Reverse Provides"}, head):
			section = head
		case line == "" || name == "":
		case section == "Versions":
			versions = true
		case section == "Reverse Provides" && !versions:
			provider, _, _ := strings.Cut(line, " ")
			if !slices.Contains(virtual[name], provider) {
				virtual[name] = append(virtual[name], provider)
			}
		}
	}
	for name := range virtual {
		slices.Sort(virtual[name])
	}
	return virtual
}
