package role

import (
	"maps"
	"strings"
	"time"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory"
	"rackhand/inventory/role/expression"
)

// A condition is when: EXPRESSION of a resource, an include or a check.
type condition struct {
	text string
	node schema.Node
	loop *loop // whose item it may name; nil without one
	expr *expression.Expression
}

// readWhen notes a condition. It is compiled when all parameters are known.
func (r *role) readWhen(n schema.Node, l *loop) *condition {
	text, ok := n.Text("when")
	if !ok {
		return nil
	}
	w := &condition{text: text, node: n, loop: l}
	r.conditions = append(r.conditions, w)
	return w
}

// place is where a mistake in a condition stands.
func (w *condition) place(m *expression.Mistake) problem.Place {
	return w.node.PlaceIn(m.Line, m.Column)
}

// compileConditions checks the conditions of a role, and reports their mistakes.
func (r *role) compileConditions() {
	if r.untyped {
		return
	}
	type item struct{ as, over string }
	type key struct {
		text string
		item item
	}
	languages, done := map[item]*expression.Language{}, map[key]*expression.Expression{}
	for _, w := range r.conditions {
		k := key{text: w.text}
		if w.loop != nil {
			k.item = item{w.loop.as, w.loop.over.scalar.text}
		}
		if w.expr = done[k]; w.expr == nil {
			if languages[k.item] == nil {
				languages[k.item] = expression.New(r.names(w.loop))
			}
			e, m := languages[k.item].Compile(w.text)
			if m != nil {
				r.problems.Addf(w.place(m), m.Hint, "when: %s", m.Message)
				continue
			}
			w.expr, done[k] = e, e
		}
		for _, call := range w.expr.Calls() {
			if q, _, err := parseQuery(call.Text); err == nil && q.role != "" {
				r.queries = append(r.queries, roleQuery{q.role, w.node.PlaceIn(call.Line, call.Column)})
			}
		}
	}
}

// names are what a condition may name.
func (r *role) names(l *loop) expression.Names {
	params := expression.Map{}
	for name, p := range r.parameters {
		params[name] = p.typ.expression()
	}
	text := expression.String
	values := expression.Map{
		"facts": factShape,
		"host":  expression.Map{"name": text, "address": text, "group": text, "mac": text, "roles": expression.List(text)},
		"param": params,
	}
	if l != nil {
		values[l.as] = expression.Map{"key": text, "value": r.itemType(l)}
	}
	check := func(query string) (string, error) {
		_, hint, err := parseQuery(query)
		return hint, err
	}
	return expression.Names{Values: values, Open: []string{"facts"}, Functions: map[string]expression.Function{
		"hosts":           {Returns: []HostData{}, Check: check},
		"hosts.addresses": {Returns: []string{}, Check: check},
		"hosts.names":     {Returns: []string{}, Check: check},
	}}
}

// itemType is the type of the items of a loop, as far as it can be told.
func (r *role) itemType(l *loop) expression.Type {
	ref, ok := l.over.scalar.whole()
	if l.over.kind != scalarTree || !ok {
		return expression.Any
	}
	if query, part, ok := cutHosts(ref); ok && query != "" {
		if part != "" {
			return expression.String
		}
		text := expression.String
		return expression.Map{"name": text, "address": text, "group": text, "mac": text, "roles": expression.List(text)}
	}
	if t := r.itemParam(l); t != nil {
		return t.expression()
	}
	return expression.Any
}

// truth is the outcome of a condition for a host.
type truth int

const (
	holds truth = iota
	fails       // or a mistake was reported
	waits       // for the facts of the host
)

// maxWork bounds the work of all conditions of a host, in steps.
const maxWork = 16 << 20

// decide evaluates a condition; without one it holds.
func (c *compiler) decide(s *scope, w *condition, l *loop, i item) truth {
	switch {
	case w == nil:
		return holds
	case w.expr.Uses("facts") && c.facts == nil:
		return waits
	}
	values := maps.Clone(c.environment(s))
	if l != nil {
		values[l.as] = map[string]any{"key": i.key, "value": c.readable(s, l, i)}
	}
	yes, m := w.expr.Run(values, &c.work)
	if m != nil {
		c.addf(w.place(m), m.Hint, "when: for host %s%s: %s", c.in.Host.Name, l.from(i), m.Message)
	}
	if !yes || m != nil {
		return fails
	}
	return holds
}

// environment are the values of a role's conditions.
func (c *compiler) environment(s *scope) map[string]any {
	if s.environment != nil {
		return s.environment
	}
	params := make(map[string]any, len(s.params))
	for name, v := range s.params {
		params[name] = s.role.parameters[name].typ.readable(v)
	}
	host := dataOf(c.in.Host)
	s.environment = map[string]any{
		"host":            host.values(),
		"param":           params,
		"hosts":           func(query string) (any, error) { l, err := c.hosts(query); return []HostData(l), err },
		"hosts.addresses": func(query string) (any, error) { l, err := c.hosts(query); return l.Addresses(), err },
		"hosts.names":     func(query string) (any, error) { l, err := c.hosts(query); return l.Names(), err },
	}
	if c.facts != nil {
		s.environment["facts"] = c.facts
	}
	return s.environment
}

// readable is an item as conditions see it: of its type where that is known.
func (c *compiler) readable(s *scope, l *loop, i item) any {
	ref, _ := l.over.scalar.whole()
	if l.over.kind != scalarTree {
		return hidden(i.value)
	}
	if ref, ok := strings.CutPrefix(ref, "facts."); ok {
		path, _, _, _ := cutDefault(ref)
		found, _, _ := variable(c.facts, path)
		if list, ok := found.([]any); ok {
			return list[i.number]
		}
		if m, ok := found.(map[string]any); ok {
			return m[i.key]
		}
	}
	if t := s.role.itemParam(l); t != nil {
		return t.readable(i.value)
	}
	return hidden(i.value)
}

// readable is a checked value as conditions see it: numbers, truth values and durations are
// of their types. A secret can't be seen.
func (t paramType) readable(v any) any {
	switch v := v.(type) {
	case inventory.SecretRef:
		return expression.Hidden{What: "a secret"}
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = t.inner("").readable(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = t.inner(key).readable(item)
		}
		return out
	case string:
		switch t.name {
		case "duration":
			if d, err := time.ParseDuration(v); err == nil {
				return d
			}
		case "bytes":
			if n, ok := parseBytes(v); ok {
				return n
			}
		default:
			return t.typed(v)
		}
	}
	return v
}

// hidden is a value without a type as conditions see it.
func hidden(v any) any { return paramType{name: "string"}.readable(v) }

// expression is the type as conditions know it.
func (t paramType) expression() expression.Type {
	if t.fields != nil {
		fields := expression.Map{}
		for name, p := range t.fields {
			fields[name] = p.typ.expression()
		}
		return fields
	}
	switch t.name {
	case "int", "port", "bytes":
		return expression.Int
	case "bool":
		return expression.Bool
	case "duration":
		return expression.Of(time.Duration(0))
	case "list":
		return expression.List(t.item.expression())
	case "map":
		return expression.Map{expression.Extra: t.item.expression()}
	}
	return expression.String
}
