package role

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// maxIncludes bounds the includes of a role.
const maxIncludes = 200

// An include is another role that a role brings, with values of its parameters.
type include struct {
	role string
	at   problem.Place
	with map[string]argument
	when *condition
}

// An argument is a value of an included role's parameter.
type argument struct {
	at    problem.Place // of its name
	value tree
}

func (r *role) readIncludes(n schema.Node) {
	items, _ := list(n, "include")
	if len(items) > maxIncludes {
		n.Problem("split the role", "%d includes, at most %d are allowed", len(items), maxIncludes)
		return
	}
	for _, item := range items {
		inc := include{at: item.At(), with: map[string]argument{}}
		name := item
		if !item.IsText() {
			given := false
			item.FieldsHint("include", schema.Fields{
				"role": func(n schema.Node) { name, given = n, true },
				"when": func(n schema.Node) { inc.when = r.readWhen(n, nil) },
				"with": func(n schema.Node) {
					n.Each("include: with", func(param string, key, value schema.Node) {
						if t, ok := readTree(value, param); ok {
							inc.with[param] = argument{key.At(), t}
						}
					})
				},
			}, includeHint, nil)
			if item.IsMapping() && !given {
				item.Problem("write {role: NAME, with: {PARAMETER: VALUE}}", "an include needs role")
			}
			if !given {
				continue
			}
		}
		text, ok := name.Text("include")
		if ok && !roleName.MatchString(text) {
			name.Problem("name a file of roles/, such as web, without a path", "%.80q is no name for a role", text)
		} else if ok {
			inc.role = text
			r.includes = append(r.includes, inc)
		}
	}
}

// includeHint is for the words of other programs.
func includeHint(key string) string {
	switch key {
	case "class", "name":
		return "write role"
	case "params", "parameters", "vars", "values":
		return "write with"
	case "tags":
		return "write tags at the resources"
	}
	return ""
}

// link checks the includes of all roles. A role that includes a broken one is broken, too.
func (s *Set) link() {
	for _, name := range s.Names() {
		r := s.roles[name]
		for _, inc := range r.includes {
			s.checkInclude(r, inc)
		}
		s.checkQueries(r)
	}
	done := map[string]bool{}
	for _, name := range s.Names() {
		s.findCycles(name, nil, done)
	}
	for _, r := range s.roles {
		r.broken = r.broken || r.problems.Len() > 0
	}
	for again := true; again; {
		again = false
		for _, r := range s.roles {
			for _, inc := range r.includes {
				if !r.broken && s.Broken(inc.role) {
					r.broken, r.because, again = true, inc.role, true
				}
			}
		}
	}
}

// checkInclude checks what can be told of an include without a host.
func (s *Set) checkInclude(r *role, inc include) {
	target := s.roles[inc.role]
	if target == nil {
		hint := problem.DidYouMean(inc.role, s.Names())
		if hint == "" {
			hint = "write roles/" + inc.role + ".yaml"
		}
		r.problems.Addf(inc.at, hint, "include: there is no role %q", inc.role)
		return
	}
	if target.problems.Len() > 0 {
		return // its parameters may not be known
	}
	known := slices.Sorted(maps.Keys(target.parameters))
	for name, arg := range inc.with {
		p := target.parameters[name]
		if p == nil {
			r.problems.Addf(arg.at, problem.DidYouMean(name, known), "include: role %s has no parameter %.80q", inc.role, name)
			continue
		}
		if hint, err := p.checkStatic(arg.value); err != nil {
			r.problems.Addf(arg.value.placeOf(err), hint, "include: parameter %s of role %s (declared at %s): %v", name, inc.role, p.at, err)
		}
	}
}

// A roleQuery is a role that hosts(role=...) selects by.
type roleQuery struct {
	role string
	at   problem.Place
}

// checkQueries reports hosts(role=...) of a role that doesn't exist. Such a list would be
// empty, and no message would say why.
func (s *Set) checkQueries(r *role) {
	for _, q := range r.queries {
		if s.roles[q.role] == nil {
			r.problems.Addf(q.at, problem.DidYouMean(q.role, s.Names()), "hosts: there is no role %.80q", q.role)
		}
	}
}

// A step is an include on the way to a role.
type step struct {
	role string
	at   problem.Place
}

// findCycles follows the includes of a role; way are those that lead to it. It reports each
// include that leads back, and makes a member of the cycle broken.
func (s *Set) findCycles(name string, way []step, done map[string]bool) {
	r := s.roles[name]
	if r == nil || done[name] {
		return
	}
	for _, inc := range r.includes {
		way := append(slices.Clone(way), step{name, inc.at})
		first := slices.IndexFunc(way, func(st step) bool { return st.role == inc.role })
		if first < 0 {
			s.findCycles(inc.role, way, done)
			continue
		}
		var members []string
		for _, st := range way[first:] {
			members = append(members, fmt.Sprintf("%s (%s)", st.role, st.at))
		}
		r.problems.Addf(inc.at, "take out one of these includes", "these roles include each other: %s → %s", strings.Join(members, " → "), inc.role)
	}
	done[name] = true
}
