package role

import (
	"regexp"
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
	before := r.problems.Len()
	defer func() { r.untyped = r.problems.Len() > before }()
	n.Each("parameters", func(name string, key, value schema.Node) {
		switch {
		case !paramName.MatchString(name):
			key.Problem("use letters, digits and _, a letter first", "%.80q can't be a parameter", name)
		case len(r.parameters) == maxParameters:
			key.Problem("split the role", "more than %d parameters", maxParameters)
		default:
			r.parameters[name] = r.readDeclaration("parameter "+name, name, key.At(), value, 0)
		}
	})
}

// readDeclaration reads the declaration of a parameter, or of a field at some depth of a
// record. Its problems are reported; one that is wrong stays known by its name.
func (r *role) readDeclaration(what, name string, at problem.Place, n schema.Node, depth int) *parameter {
	p := &parameter{name: name, at: at, typ: paramType{name: "string"}, merge: mergeReplace}
	var required *bool
	var requiredAt, mergeAt schema.Node
	var values []schema.Node
	var fields *schema.Node
	typed := true
	readers := schema.Fields{
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
		"values":      func(n schema.Node) { values, _ = list(n, what+": values") },
		"description": func(n schema.Node) { n.Text(what + ": description") },
		"fields":      func(n schema.Node) { fields = &n },
	}
	if depth == 0 {
		readers["merge"] = func(n schema.Node) {
			if text, ok := n.OneOf(what+": merge", mergeReplace, mergeUnique, mergeDeep); ok {
				p.merge, mergeAt = text, n
			}
		}
	}
	if n.IsText() && !n.Null() {
		n.Problem("write {default: VALUE}, with a type if it is no text", "%s must be a mapping, not text", what)
		return p
	}
	n.Fields(what, readers)
	if !typed || !r.readRecord(what, p, n, fields, depth) {
		return p
	}
	switch {
	case required != nil && *required && p.otherwise != nil:
		requiredAt.Problem("keep one of them", "%s: a required parameter needs no default", what)
	case required != nil && !*required && p.otherwise == nil:
		requiredAt.Problem("add a default", "%s: without a default it is required", what)
	case p.merge == mergeUnique && p.typ.name != "list":
		mergeAt.Problem("give it the type list(string)", "%s: merge: unique is for lists, not for type %s", what, p.typ)
	case p.merge == mergeDeep && p.typ.name != "map" && p.typ.fields == nil:
		mergeAt.Problem("give it the type map(string) or record", "%s: merge: deep is for mappings, not for type %s", what, p.typ)
	}
	if len(values) > 0 && p.typ.innermost().fields != nil {
		values[0].Problem("give values of its fields", "%s: a record has no list of values", what)
		values = nil
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
		r.checkDefault(what, p, depth)
	}
	return p
}

// readRecord reads the fields of a record into its type; false if they are wrong (reported).
func (r *role) readRecord(what string, p *parameter, n schema.Node, fields *schema.Node, depth int) bool {
	before := r.problems.Len()
	inner := p.typ.innermostOf()
	switch {
	case inner.name == recordType && fields == nil:
		n.Problem("add fields: {NAME: {type: TYPE}}", "%s: a record needs fields", what)
	case inner.name != recordType && fields != nil:
		fields.Problem("give it the type record, list(record) or map(record)", "%s: the type %s has no fields", what, p.typ)
	case fields != nil:
		inner.fields = r.readFields(what, *fields, depth+1)
	}
	return r.problems.Len() == before
}

// checkDefault checks what can be told of a default without a host.
func (r *role) checkDefault(what string, p *parameter, depth int) {
	if depth > 0 && !p.otherwise.static() {
		r.problems.Addf(p.otherwise.at, "write a value", "%s: the default of a field takes no ${...}", what)
	}
	p.otherwise.each(func(v value) {
		for _, part := range v.parts {
			if part.ref && strings.HasPrefix(part.text, "param.") {
				r.problems.Addf(v.at, "use ${host.…}, ${var.…} or a value", "%s: default: another parameter can't stand here", what)
			}
		}
	})
	if hint, err := p.checkStatic(*p.otherwise); err != nil {
		r.problems.Addf(p.otherwise.placeOf(err), hint, "%s: default: %v", what, err)
	}
}

// checkStatic checks a value in which nothing is substituted.
func (p *parameter) checkStatic(t tree) (hint string, err error) {
	if !t.static() {
		return "", nil
	}
	v, _ := (&resolver{}).tree("", t)
	_, hint, err = p.typ.check(v, p.values, false)
	return hint, err
}
