package role

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// maxParameters bounds the parameters of a role.
const maxParameters = 200

// paramName is as a variable is named.
var paramName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)

// How the values of several layers are put together.
const (
	mergeReplace = "replace" // the strongest layer's value
	mergeUnique  = "unique"  // the items of all layers' lists
	mergeDeep    = "deep"    // the entries of all layers' mappings
)

// A parameter is a typed input of a role.
type parameter struct {
	name   string
	at     problem.Place
	typ    paramType
	values []string // that alone fit; nil for any
	merge  string
	// otherwise is the default; nil for a parameter that needs a value.
	otherwise *tree
}

func (r *role) readParameters(n schema.Node) {
	r.parameters = map[string]*parameter{}
	n.Each("parameters", func(name string, key, value schema.Node) {
		switch {
		case !paramName.MatchString(name):
			key.Problem("use letters, digits and _, a letter first", "%.80q can't be a parameter", name)
		case len(r.parameters) == maxParameters:
			key.Problem("split the role", "more than %d parameters", maxParameters)
		default:
			r.parameters[name] = r.readParameter(name, key.At(), value)
		}
	})
}

// readParameter reads a declaration. Its problems are reported; one that is wrong stays
// known by its name.
func (r *role) readParameter(name string, at problem.Place, n schema.Node) *parameter {
	p := &parameter{name: name, at: at, typ: paramType{name: "string"}, merge: mergeReplace}
	what := "parameter " + name
	var required *bool
	var requiredAt, mergeAt schema.Node
	var values []schema.Node
	typed := true
	n.Fields(what, schema.Fields{
		"type": func(n schema.Node) {
			text, ok := n.Text(what + ": type")
			if ok {
				var hint string
				var err error
				if p.typ, hint, err = parseType(text); err != nil {
					n.Problem(hint, "%s: %v", what, err)
					ok = false
				}
			}
			typed = ok
		},
		"default": func(n schema.Node) {
			if t, ok := readTree(n, what+": default"); ok {
				p.otherwise = &t
			}
		},
		"required": func(n schema.Node) {
			requiredAt = n
			if b, ok := n.Bool(what + ": required"); ok {
				required = &b
			}
		},
		"values": func(n schema.Node) { values, _ = list(n, what+": values") },
		"merge": func(n schema.Node) {
			if text, ok := n.OneOf(what+": merge", mergeReplace, mergeUnique, mergeDeep); ok {
				p.merge, mergeAt = text, n
			}
		},
		"description": func(n schema.Node) { n.Text(what + ": description") },
	})
	if !typed {
		return p
	}
	switch {
	case required != nil && *required && p.otherwise != nil:
		requiredAt.Problem("keep one of them", "%s: a required parameter needs no default", what)
	case required != nil && !*required && p.otherwise == nil:
		requiredAt.Problem("add a default", "%s: without a default it is required", what)
	case p.merge == mergeUnique && p.typ.name != "list":
		mergeAt.Problem("give it the type list(string)", "%s: merge: unique is for lists, not for type %s", what, p.typ)
	case p.merge == mergeDeep && p.typ.name != "map":
		mergeAt.Problem("give it the type map(string)", "%s: merge: deep is for mappings, not for type %s", what, p.typ)
	}
	for _, v := range values {
		if text, ok := v.Text(what + ": values"); ok {
			text, hint, err := p.typ.innermost().scalar(text)
			if err != nil {
				v.Problem(hint, "%s: values: %v", what, err)
			}
			p.values = append(p.values, text)
		}
	}
	if p.otherwise != nil {
		r.checkDefault(p)
	}
	return p
}

// checkDefault checks what can be told of a default without a host.
func (r *role) checkDefault(p *parameter) {
	p.otherwise.each(func(v value) {
		for _, part := range v.parts {
			if part.ref && strings.HasPrefix(part.text, "param.") {
				r.problems.Addf(v.at, "use ${host.…}, ${var.…} or a value", "parameter %s: default: another parameter can't stand here", p.name)
			}
		}
	})
	if hint, err := p.checkStatic(*p.otherwise); err != nil {
		r.problems.Addf(p.otherwise.at, hint, "parameter %s: default: %v", p.name, err)
	}
}

// checkStatic checks a value in which nothing is substituted.
func (p *parameter) checkStatic(t tree) (hint string, err error) {
	if !t.static() {
		return "", nil
	}
	v, _ := (&resolver{}).tree("", t)
	_, hint, err = p.typ.check(v, p.values)
	return hint, err
}

// checkReferences reports each ${param.NAME} that the role has no parameter for.
func (r *role) checkReferences() {
	known := slices.Sorted(maps.Keys(r.parameters))
	check := func(v value) {
		for _, item := range append([]value{v}, v.list...) {
			for _, part := range item.parts {
				name, isParam := strings.CutPrefix(part.text, "param.")
				name, _, _ = strings.Cut(name, ".")
				if !part.ref || !isParam || r.parameters[name] != nil {
					continue
				}
				hint := problem.DidYouMean(name, known)
				if hint == "" {
					hint = fmt.Sprintf("declare it: parameters: {%.40s: {default: VALUE}}", name)
				}
				r.problems.Addf(item.at, hint, "role %s has no parameter %.80q", r.name, name)
			}
		}
	}
	for _, inc := range r.includes {
		for _, arg := range inc.with {
			arg.value.each(check)
		}
	}
	for _, d := range r.resources {
		if d.loop != nil {
			d.loop.over.each(check)
		}
		check(d.title)
		for _, v := range d.fields {
			check(v)
		}
	}
	for _, d := range r.checks {
		for _, v := range d.fields {
			check(v)
		}
	}
}
