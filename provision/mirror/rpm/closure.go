package rpm

import (
	"cmp"
	"slices"

	version "github.com/knqyf263/go-rpm-version"
)

// A Set is the packages of several repositories.
type Set struct {
	byName   map[string][]Package // of each name, the newest of each architecture
	provides map[string][]string  // capability or file -> names, in order
}

// NewSet makes a set of packages for a machine's architecture (x86_64): of one name the
// newest counts, and those of other architectures don't.
func NewSet(all []Package, arch string) *Set {
	s := &Set{byName: map[string][]Package{}, provides: map[string][]string{}}
	for _, p := range all {
		if p.Arch != arch && p.Arch != "noarch" {
			continue
		}
		old := s.byName[p.Name]
		i := slices.IndexFunc(old, func(o Package) bool { return o.Arch == p.Arch })
		switch {
		case i < 0:
			s.byName[p.Name] = append(old, p)
		case Compare(p, old[i]) > 0:
			old[i] = p
		}
	}
	for name, list := range s.byName {
		for _, p := range list {
			for _, what := range slices.Concat(p.Provides, p.Files) {
				s.provides[what] = append(s.provides[what], name)
			}
		}
	}
	for what, list := range s.provides {
		slices.Sort(list)
		s.provides[what] = slices.Compact(list)
	}
	return s
}

// Closure returns the packages that a bare host would fetch to get the wanted ones: these
// and all that they require, in order of name. Of several providers, it prefers one that is
// already chosen, then the one with the shortest name, as dnf does. missing are names that no
// repository has. The host resolves requirements without a provider here (rpmlib(...), rich
// dependencies).
//
// The result is for fetching ahead, not for installing. dnf itself handles conflicts,
// modules and weak dependencies.
func (s *Set) Closure(want, without []string) (get []Package, missing []string) {
	chosen, sure := map[string]bool{}, map[string]bool{}
	for _, name := range without {
		chosen[name], sure[name] = true, true
	}
	for _, name := range want {
		sure[name] = true // so that nothing else is picked in its place before its turn
	}
	queue := slices.Clone(want)
	for i := 0; i < len(queue); i++ {
		name := queue[i]
		if chosen[name] {
			continue
		}
		list := s.byName[name]
		if len(list) == 0 {
			if by := s.pick(name, sure); by != "" {
				queue = append(queue, by)
			} else if len(s.provides[name]) == 0 && i < len(want) {
				missing = append(missing, name)
			}
			continue
		}
		chosen[name], sure[name] = true, true
		get = append(get, list...)
		for _, p := range list {
			for _, what := range p.Requires {
				if by := s.pick(what, sure); by != "" {
					sure[by] = true
					queue = append(queue, by)
				}
			}
		}
	}
	slices.SortFunc(get, func(a, b Package) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch)) })
	slices.Sort(missing)
	return get, slices.Compact(missing)
}

// pick returns the package to fetch for a requirement; "" if a provider is already chosen,
// or if no package provides it.
func (s *Set) pick(what string, sure map[string]bool) string {
	by := s.provides[what]
	if len(by) == 0 || slices.ContainsFunc(by, func(n string) bool { return sure[n] }) {
		return ""
	}
	return slices.MinFunc(by, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
}

// Compare orders two packages by epoch, version and release, as rpm does (rpmvercmp).
func Compare(a, b Package) int { return evr(a).Compare(evr(b)) }

func evr(p Package) version.Version {
	return version.NewVersion(cmp.Or(p.Epoch, "0") + ":" + p.Version + "-" + p.Release)
}
