package role

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rackhand/config/problem"
)

// A scope is a role with the values of its parameters for one host.
type scope struct {
	role *role
	// params hold a string, an [inventory.SecretRef], []any or map[string]any, checked.
	params map[string]any
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
func (c *compiler) scope(r *role) (*scope, bool) {
	before := c.problems.Len()
	s := &scope{role: r, params: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		p := r.parameters[name]
		layers := c.layers(p)
		if len(layers) == 0 {
			layers = c.byDefault(r, p)
		}
		var good []any
		for _, l := range layers {
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

func (c *compiler) byDefault(r *role, p *parameter) []layered {
	if p.otherwise == nil {
		c.addf(p.at, "set the variable "+p.name+" on the host, its group or its system, or give a default",
			"host %s has no value for the parameter %s of role %s", c.in.Host.Name, p.name, r.name)
		return nil
	}
	f := &resolver{c: c, scope: &scope{role: r}}
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
