package role

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/provision/catalog"
)

// A scope is a role with the values of its parameters for one host.
type scope struct {
	role *role
	// params hold a string, an [inventory.SecretRef], []any or map[string]any, checked.
	params map[string]any
	// include brought it; nil for a role of the host's own.
	include *include
	outer   *scope // that of the include's role
	// claims are the parameters whose values came from facts.
	claims map[string]bool
	// environment are the values of conditions; nil until one is evaluated.
	environment map[string]any
}

// via says in an error which include brought the role.
func (s *scope) via() string {
	if s == nil || s.include == nil {
		return ""
	}
	return fmt.Sprintf(" (included at %s)", s.include.at)
}

// maxExpanded bounds the roles of one host, each counted as often as it is included.
const maxExpanded = 1000

// expand adds a role's scope behind those of the roles that it includes. A role with the same
// values of its parameters is added once.
func (s *Set) expand(c *compiler, r *role, inc *include, outer *scope) {
	if c.expanded++; c.expanded > maxExpanded {
		if c.expanded == maxExpanded+1 {
			at := problem.Place{File: "roles/" + r.name + ".yaml"}
			if inc != nil {
				at = inc.at
			}
			c.addf(at, "include fewer roles", "host %s has more than %d roles, with those that they include", c.in.Host.Name, maxExpanded)
		}
		return
	}
	c.problems.Join(&r.problems) // for the lines of its file
	c.scopeWaits = false
	sc, ok := c.scope(r, inc, outer)
	if c.scopeWaits {
		c.unknown = true
		at := problem.Place{File: "roles/" + r.name + ".yaml"}
		if inc != nil {
			at = inc.at
		}
		c.waitsFor("role "+r.name, at, outer, forFacts)
		return
	}
	if !ok {
		return
	}
	for _, other := range c.seen[r.name] {
		if reflect.DeepEqual(other.params, sc.params) {
			return
		}
	}
	sc.outer = outer
	c.seen[r.name] = append(c.seen[r.name], sc)
	for i := range r.includes {
		next := &r.includes[i]
		target := s.roles[next.role]
		if target == nil { // the role is broken
			continue
		}
		switch c.decide(sc, next.when, nil, item{}) {
		case holds:
			s.expand(c, target, next, sc)
		case waits:
			c.unknown = true
			c.waitsFor("role "+next.role, next.at, sc, forFacts)
		case fails:
		}
	}
	if c.declared += len(r.resources); c.declared > catalog.MaxResources {
		if c.declared-len(r.resources) <= catalog.MaxResources {
			c.addf(problem.Place{File: "roles/" + r.name + ".yaml"}, "include fewer roles", "host %s has more than %d resources, with those of included roles", c.in.Host.Name, catalog.MaxResources)
		}
		return
	}
	c.scopes = append(c.scopes, sc)
}

// typed are the parameters for templates.
func (s *scope) typed() map[string]any {
	out := make(map[string]any, len(s.params))
	for name, v := range s.params {
		out[name] = s.role.parameters[name].typ.typed(v)
	}
	return printable(out)
}

// A layered is a value of a parameter, and where it stands.
type layered struct {
	value any
	at    problem.Place
	tree  *tree // as written; nil for a host's variable
}

// place is where the part of a value stands that an error is about. Problems in a file of the
// inventory get its lines.
func (c *compiler) place(l layered, err error) problem.Place {
	files := c.in.Files
	switch {
	case l.tree != nil:
		return l.tree.placeOf(err)
	case files == nil || strings.HasPrefix(l.at.File, "roles/"):
		return l.at
	}
	c.problems.Source(l.at.File, func(n int) string { return files.Line(l.at.File, n) })
	if path := pathOf(err); len(path) > 0 {
		return files.Within(l.at, path)
	}
	return l.at
}

// scope finds the values of a role's parameters; false when one is wrong (reported).
func (c *compiler) scope(r *role, inc *include, outer *scope) (*scope, bool) {
	before := c.problems.Len()
	s := &scope{role: r, params: map[string]any{}, include: inc}
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		p := r.parameters[name]
		layers, ok := c.argument(s, p, inc, outer)
		if !ok {
			layers = c.layers(p)
		}
		if !ok && len(layers) == 0 {
			layers = c.byDefault(s, p)
		}
		var good []any
		for _, l := range layers {
			if !c.spend(l.at, sizeOf(l.value, max(maxValues-c.values, 0))) {
				return nil, false
			}
			if v, ok := c.fit(r, p, l, l.value, p.merge == mergeDeep); ok {
				good = append(good, v)
			}
		}
		if len(good) == 0 || len(good) < len(layers) {
			continue
		}
		s.params[name] = merged(p.merge, good)
		if p.merge == mergeDeep { // the fields that no layer has get their defaults
			s.params[name], _ = c.fit(r, p, layers[0], s.params[name], false)
		}
	}
	return s, c.problems.Len() == before
}

// fit checks a value of a parameter; a mistake is reported at the place of its layer.
func (c *compiler) fit(r *role, p *parameter, l layered, value any, partial bool) (any, bool) {
	v, hint, err := p.typ.check(value, p.values, partial)
	if err != nil {
		c.addf(c.place(l, err), hint, "for host %s: parameter %s of role %s (declared at %s): %v", c.in.Host.Name, p.name, r.name, p.at, err)
	}
	return v, err == nil
}

// argument is the value that an include gives; false when it gives none. One that is wrong
// is reported.
func (c *compiler) argument(s *scope, p *parameter, inc *include, outer *scope) ([]layered, bool) {
	if inc == nil {
		return nil, false
	}
	arg, given := inc.with[p.name]
	if !given {
		return nil, false
	}
	f := &resolver{c: c, scope: outer}
	v, ok := f.tree("parameter "+p.name, arg.value)
	c.note(s, p, f)
	if !ok {
		return nil, true
	}
	return []layered{{v, arg.value.at, &arg.value}}, true
}

// note keeps whether a parameter's value came from facts, or waits for them.
func (c *compiler) note(s *scope, p *parameter, f *resolver) {
	c.scopeWaits = c.scopeWaits || f.waits
	if f.claims {
		if s.claims == nil {
			s.claims = map[string]bool{}
		}
		s.claims[p.name] = true
	}
}

// layers are the host's values of a parameter: of the variable of the same name, the
// strongest layer first.
func (c *compiler) layers(p *parameter) (all []layered) {
	v, ok := c.in.Host.Variables[p.name]
	if !ok {
		return nil
	}
	if c.in.Origins == nil {
		return []layered{{value: v, at: p.at}}
	}
	for _, o := range c.in.Origins(p.name) {
		all = append(all, layered{value: o.Value, at: placeOf(o.At)})
	}
	if len(all) == 0 {
		return []layered{{value: v, at: p.at}}
	}
	if p.merge == mergeReplace {
		return all[:1]
	}
	return all
}

func (c *compiler) byDefault(s *scope, p *parameter) []layered {
	if p.otherwise == nil {
		c.addf(p.at, "set the variable "+p.name+" on the host, its group or its system, or give a default",
			"host %s has no value for the parameter %s of role %s%s", c.in.Host.Name, p.name, s.role.name, s.via())
		return nil
	}
	f := &resolver{c: c, scope: s}
	v, ok := f.tree("parameter "+p.name+": default", *p.otherwise)
	c.note(s, p, f)
	if !ok {
		return nil
	}
	return []layered{{v, p.otherwise.at, p.otherwise}}
}

// placeOf reads file:line:column; without numbers the text is only a file.
func placeOf(at string) problem.Place {
	if parts := strings.Split(at, ":"); len(parts) == 3 {
		p := problem.Place{File: parts[0]}
		if _, err := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &p.Line, &p.Column); err == nil {
			return p
		}
	}
	return problem.Place{File: at}
}

// merged puts checked values together, the strongest first.
func merged(how string, values []any) any {
	switch how {
	case mergeUnique:
		out, seen := []any{}, map[string]bool{}
		for _, v := range values {
			for _, item := range v.([]any) {
				key := fmt.Sprintf("%#v", item)
				if !seen[key] {
					out = append(out, item)
				}
				seen[key] = true
			}
		}
		return out
	case mergeDeep:
		out := map[string]any{}
		for _, v := range slices.Backward(values) {
			mergeInto(out, v.(map[string]any))
		}
		return out
	}
	return values[0]
}

// mergeInto puts a stronger mapping over a weaker one; lists are replaced.
func mergeInto(weak, strong map[string]any) {
	for key, v := range strong {
		inner, isMap := v.(map[string]any)
		below, both := weak[key].(map[string]any)
		if !isMap {
			weak[key] = v
			continue
		}
		if !both {
			below = map[string]any{}
			weak[key] = below
		}
		mergeInto(below, inner)
	}
}
