package apt

import (
	"slices"

	"pault.ag/go/debian/dependency"
	"pault.ag/go/debian/version"
)

// A Set is the packages of several archives, the newest of each name.
type Set struct {
	newest   map[string]Package
	provides map[string][]string // virtual name -> names, in order
}

// NewSet makes a set of packages. Of one name, the newest version counts, as it
// does for apt with archives of one priority.
func NewSet(all []Package) *Set {
	s := &Set{newest: make(map[string]Package, len(all)), provides: map[string][]string{}}
	for _, p := range all {
		if old, ok := s.newest[p.Name]; !ok || newer(p.Version, old.Version) {
			s.newest[p.Name] = p
		}
	}
	for name, p := range s.newest {
		for _, virtual := range names(p.Provides) {
			s.provides[virtual[0]] = append(s.provides[virtual[0]], name)
		}
	}
	for _, list := range s.provides {
		slices.Sort(list)
	}
	return s
}

func newer(a, b string) bool {
	va, erra := version.Parse(a)
	vb, errb := version.Parse(b)
	if erra != nil || errb != nil {
		return a > b
	}
	return version.Compare(va, vb) > 0
}

// names are the alternatives of each relation of a dependency field; nil for a
// field that can't be read.
func names(field string) [][]string {
	if field == "" {
		return nil
	}
	dep, err := dependency.Parse(field)
	if err != nil {
		return nil
	}
	var out [][]string
	for _, r := range dep.Relations {
		var alternatives []string
		for _, p := range r.Possibilities {
			alternatives = append(alternatives, p.Name)
		}
		if len(alternatives) > 0 {
			out = append(out, alternatives)
		}
	}
	return out
}

// Closure returns the packages that a host with some packages (name to version) would fetch
// to get the wanted ones: these and all their dependencies, in order of name. It leaves out
// packages that the host has in that version, and packages that only those depend on. Of
// alternatives, as with apt, it prefers one that the host has or that is already chosen,
// and otherwise takes the first one that exists. missing are names, wanted or depended on,
// that no archive has.
//
// The result is for fetching ahead, not for installing. apt itself handles conflicts and
// version bounds, and fetches missing packages later.
func (s *Set) Closure(want []string, have map[string]string) (get []Package, missing []string) {
	var (
		chosen = map[string]bool{}
		sure   = map[string]bool{} // chosen, or to be chosen in its turn
		queue  = slices.Clone(want)
	)
	for _, name := range want {
		sure[name] = true
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		p, ok := s.newest[name]
		if !ok {
			if by := s.provides[name]; len(by) > 0 {
				if !slices.ContainsFunc(by, func(n string) bool { return sure[n] || have[n] != "" }) {
					queue = append(queue, by[0])
				}
			} else {
				missing = append(missing, name)
			}
			continue
		}
		if chosen[name] || have[name] == p.Version {
			continue
		}
		chosen[name], sure[name] = true, true
		get = append(get, p)
		for _, field := range p.Depends {
			for _, alternatives := range names(field) {
				queue = append(queue, s.pick(alternatives, sure, have)...)
			}
		}
	}
	slices.SortFunc(get, func(a, b Package) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	slices.Sort(missing)
	return get, slices.Compact(missing)
}

// pick is the alternative to get, or none when one is there.
func (s *Set) pick(alternatives []string, sure map[string]bool, have map[string]string) []string {
	for _, n := range alternatives {
		held := func(n string) bool { return sure[n] || have[n] != "" }
		if held(n) || slices.ContainsFunc(s.provides[n], held) {
			return nil
		}
	}
	for _, n := range alternatives {
		if _, ok := s.newest[n]; ok || len(s.provides[n]) > 0 {
			return []string{n}
		}
	}
	return alternatives[:1]
}
