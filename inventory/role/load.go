package role

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory/role/shipped"
)

var roleName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// maxRoles bounds how many files are read.
const maxRoles = 1000

// Load reads the roles in a folder, the inventory's roles/: dir/*.yaml. Without
// that folder there are no roles. Problems name files as roles/NAME.yaml. The set holds every role; one with problems is known
// by name and refuses to be compiled.
func Load(dir string) (*Set, Problems) {
	set := &Set{roles: map[string]*role{}}
	var all problem.List
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		all.Addf(problem.Place{File: "roles"}, "make it a folder that the appliance may read", "the roles cannot be read: %v", err)
		return set, all.Problems()
	}
	for _, e := range entries {
		file := "roles/" + e.Name()
		place := problem.Place{File: file}
		name, isYAML := strings.CutSuffix(e.Name(), ".yaml")
		switch {
		case strings.HasPrefix(e.Name(), "."):
			// an editor's own file
		case strings.HasSuffix(e.Name(), ".test.yaml"):
			// tests of a role: see package roletest
		case strings.HasSuffix(e.Name(), ".yml"):
			all.Addf(place, "rename it to "+strings.TrimSuffix(e.Name(), ".yml")+".yaml", "this file is not read: a role is named NAME.yaml")
		case !isYAML:
			// README and the like
		case !roleName.MatchString(name):
			all.Addf(place, "use small letters, digits, - and _", "%.80q is no name for a role", name)
		case len(set.roles) >= maxRoles:
			all.Addf(place, "", "more than %d roles", maxRoles)
		default:
			data, err := schema.ReadFile(filepath.Join(dir, e.Name()), schema.MaxSize)
			if err != nil {
				all.Addf(place, "", "the role cannot be read: %v", err)
				set.roles[name] = &role{name: name, broken: true}
				continue
			}
			set.roles[name], _ = parse(name, data)
		}
	}
	set.ship()
	set.link()
	var problems Problems
	for _, name := range set.Names() {
		problems = append(problems, set.roles[name].problems.Problems()...)
	}
	return set, append(all.Problems(), problems...)
}

// ship adds the roles that come with rackhand, but for those that the inventory has itself.
func (s *Set) ship() {
	for _, name := range shipped.Names() {
		if s.roles[name] == nil {
			s.roles[name], _ = parseFile(shipped.File(name), name, shipped.Role(name))
		}
	}
}

// Names lists the roles in order.
func (s *Set) Names() []string {
	names := make([]string, 0, len(s.roles))
	for name := range s.roles {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Broken reports whether a role has problems that hosts have no part in.
func (s *Set) Broken(name string) bool { return s.roles[name] != nil && s.roles[name].broken }
