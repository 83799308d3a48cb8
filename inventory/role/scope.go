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
}

// via says in an error which include brought the role.
func (s *scope) via() string {
	if s.include == nil {
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
	sc, ok := c.scope(r, inc, outer)
	if !ok {
		return
	}
	for _, other := range c.seen[r.name] {
		if reflect.DeepEqual(other.params, sc.params) {
			return
		}
	}
	c.seen[r.name] = append(c.seen[r.name], sc)
	for i := range r.includes {
		next := &r.includes[i]
		if target := s.roles[next.role]; target != nil { // else the role is broken
			s.expand(c, target, next, sc)
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
}

// scope finds the values of a role's parameters; false when one is wrong (reported).
func (c *compiler) scope(r *role, inc *include, outer *scope) (*scope, bool) {
	before := c.problems.Len()
	s := &scope{role: r, params: map[string]any{}, include: inc}
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		p := r.parameters[name]
		layers, ok := c.argument(p, inc, outer)
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
			v, hint, err := p.typ.check(l.value, p.values)
			if err != nil {
				c.addf(l.at, hint, "for host %s: parameter %s of role %s (declared at %s): %v", c.in.Host.Name, name, r.name, p.at, err)
				continue
			}
			good = append(good, v)
		}
		if len(good) > 0 {
			s.params[name] = merged(p.merge, good)
		}
	}
	return s, c.problems.Len() == before
}

// argument is the value that an include gives; false when it gives none. One that is wrong
// is reported.
func (c *compiler) argument(p *parameter, inc *include, outer *scope) ([]layered, bool) {
	if inc == nil {
		return nil, false
	}
	arg, given := inc.with[p.name]
	if !given {
		return nil, false
	}
	v, ok := (&resolver{c: c, scope: outer}).tree("parameter "+p.name, arg.value)
	if !ok {
		return nil, true
	}
	return []layered{{v, arg.value.at}}, true
}

// layers are the host's values of a parameter: of the variable of the same name, the
// strongest layer first.
func (c *compiler) layers(p *parameter) (all []layered) {
	v, ok := c.in.Host.Variables[p.name]
	if !ok {
		return nil
	}
	if c.in.Origins == nil {
		return []layered{{v, p.at}}
	}
	for _, o := range c.in.Origins(p.name) {
		all = append(all, layered{o.Value, placeOf(o.At)})
	}
	if len(all) == 0 {
		return []layered{{v, p.at}}
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
	if !ok {
		return nil
	}
	return []layered{{v, p.otherwise.at}}
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
