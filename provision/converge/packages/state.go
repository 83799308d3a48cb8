package packages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// A State is what the host has of a package. The zero value is that of a package that was
// never there.
type State struct {
	Version string // installed; "" if it isn't
	Held    bool   // other tools don't change it
	Residue bool   // it was removed, and its configuration is left
	// Candidate is the version that its sources offer; "" if they offer none, and for a
	// package that need not be the latest one.
	Candidate string
	// Err is why its candidate or its hold can't be known, where that is declared.
	Err error
}

// fail notes an error for the packages that it concerns.
func fail(states map[string]State, packages []catalog.Package, err error) {
	for _, p := range packages {
		s := states[p.Name]
		s.Err = errors.Join(s.Err, err)
		states[p.Name] = s
	}
}

// those are the packages of which something is so.
func those(packages []catalog.Package, is func(catalog.Package) bool) []catalog.Package {
	return slices.DeleteFunc(slices.Clone(packages), func(p catalog.Package) bool { return !is(p) })
}

func isLatest(p catalog.Package) bool  { return p.Ensure == catalog.Latest }
func holdIsSet(p catalog.Package) bool { return p.Hold != nil }

// Holds reports whether a package is as declared.
func Holds(p *catalog.Package, s State) bool {
	return s.Err == nil && holdsVersion(p, s) && (p.Hold == nil || *p.Hold == s.Held)
}

func holdsVersion(p *catalog.Package, s State) bool {
	switch p.Ensure {
	case catalog.Present:
		return s.Version != ""
	case catalog.Latest:
		return s.Version != "" && (s.Candidate == "" || s.Candidate == s.Version)
	case catalog.Absent:
		return s.Version == ""
	case catalog.Purged:
		return s.Version == "" && !s.Residue
	}
	return s.Version == p.Ensure
}

// Change tells what was done to a package; in a dry run, where now is the zero value, what
// would be done.
func Change(p *catalog.Package, was, now State) string {
	var did []string
	version := now.Version
	if version == "" && (p.Ensure == catalog.Latest) {
		version = was.Candidate
	}
	if version == "" {
		version = p.Exact()
	}
	switch {
	case holdsVersion(p, was):
	case p.Ensure == catalog.Purged && was.Version == "":
		did = append(did, "configuration purged")
	case p.Ensure == catalog.Purged:
		did = append(did, "purged "+was.Version)
	case p.Ensure == catalog.Absent:
		did = append(did, "removed "+was.Version)
	case was.Version == "":
		did = append(did, strings.TrimSpace("installed "+now.Version))
	default:
		did = append(did, was.Version+" → "+version)
	}
	if p.Hold != nil && *p.Hold != was.Held {
		word := "held"
		if !*p.Hold {
			word = "released from hold"
		}
		did = append(did, word)
	}
	return strings.Join(did, "; ")
}

// Query returns the states of packages by their names, as asked for. It is one call of
// dpkg-query for all of them, and for those that are to be the latest one of apt-cache for
// each release.
func (a *Apt) Query(ctx context.Context, packages []catalog.Package) (map[string]State, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	args := []string{"dpkg-query", "-W", "-f", `${Package}\t${Architecture}\t${db:Status-Abbrev}\t${Version}\n`}
	asked := byName(packages)
	for _, p := range packages {
		args = append(args, p.Name)
	}
	out, err := a.Runner.Run(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	// 1: some of them are unknown to dpkg, which is an answer.
	if out.Code != 0 && out.Code != 1 {
		return nil, fmt.Errorf("dpkg-query failed: %s", out.Explain())
	}
	states := map[string]State{}
	for line := range strings.Lines(out.Stdout) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != 4 || len(f[2]) < 2 {
			continue
		}
		for _, p := range asked[f[0]] {
			name := p.Name
			_, arch, qualified := strings.Cut(name, ":")
			if qualified && arch != f[1] {
				continue
			}
			// The first letter is what is wanted, h for hold. The second is the state: i is
			// installed and configured, c means that configuration files are left, others are
			// half done (dpkg-query(1)).
			s := State{Held: f[2][0] == 'h', Residue: f[2][1] == 'c'}
			if f[2][1] == 'i' {
				s.Version = f[3]
			}
			if old, twice := states[name]; !twice || old.Version == "" {
				states[name] = s
			}
		}
	}
	a.candidates(ctx, those(packages, isLatest), states)
	return states, nil
}

// byName has packages by their names without an architecture.
func byName(packages []catalog.Package) map[string][]catalog.Package {
	named := make(map[string][]catalog.Package, len(packages))
	for _, p := range packages {
		base, _, _ := strings.Cut(p.Name, ":")
		named[base] = append(named[base], p)
	}
	return named
}

// candidates notes what apt's sources offer of packages that are to be the latest.
func (a *Apt) candidates(ctx context.Context, packages []catalog.Package, states map[string]State) {
	byRelease := map[string][]catalog.Package{}
	for _, p := range packages {
		byRelease[p.Release] = append(byRelease[p.Release], p)
	}
	for release, packages := range byRelease {
		args := []string{"apt-cache", "policy"}
		if release != "" {
			args = append(args, "-o", "APT::Default-Release="+release)
		}
		args = append(args, "--")
		for _, p := range packages {
			args = append(args, p.Name)
		}
		out, err := a.Runner.Run(ctx, env(), args...)
		if err == nil && out.Code != 0 {
			err = fmt.Errorf("apt-cache policy: %s", aptErrors(out))
		}
		if err != nil {
			fail(states, packages, err)
			continue
		}
		found := parsePolicy(out.Stdout)
		for _, p := range packages {
			s := states[p.Name]
			s.Candidate = found[p.Name]
			states[p.Name] = s
		}
	}
}

// parsePolicy reads the candidates of apt-cache policy, by the names of their packages.
func parsePolicy(text string) map[string]string {
	found := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line != "" && line[0] != ' ':
			name = strings.TrimSuffix(line, ":")
		case name != "":
			if version, ok := strings.CutPrefix(strings.TrimSpace(line), "Candidate: "); ok && version != "(none)" {
				found[name] = version
			}
		}
	}
	return found
}
