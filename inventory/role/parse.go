package role

import (
	"fmt"
	"slices"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/provision/catalog"
)

// parse reads a role's file and checks all that can be told without a host.
func parse(name string, data []byte) (*role, Problems) {
	r := &role{name: name}
	root, ok := schema.Parse("roles/"+name+".yaml", data, &r.problems)
	if ok {
		root.Fields("role "+name, schema.Fields{
			"parameters": r.readParameters,
			"include":    r.readIncludes,
			"resources": func(n schema.Node) {
				items, _ := list(n, "resources")
				if len(items) > catalog.MaxResources {
					n.Problem("split the role", "%d resources, at most %d are allowed", len(items), catalog.MaxResources)
					return
				}
				for _, item := range items {
					r.resource(item)
				}
			},
			"checks": func(n schema.Node) {
				items, _ := list(n, "checks")
				for _, item := range items {
					r.check(item)
				}
			},
		})
	}
	r.checkReferences()
	r.broken = r.problems.Len() > 0
	return r, r.problems.Problems()
}

// list reads a list; unlike a list of texts, one item can't stand for it.
func list(n schema.Node, what string) ([]schema.Node, bool) {
	if n.IsText() && !n.Null() {
		n.Problem("write lines that begin with a dash", "%s must be a list", what)
		return nil, false
	}
	return n.List(what)
}

func kinds() []string {
	return []string{catalog.KindPackage, catalog.KindFile, catalog.KindService}
}

func (r *role) resource(n schema.Node) {
	if !n.IsMapping() {
		n.Problem("write - package: NAME, - file: /PATH or - service: NAME", "a resource must be a mapping")
		return
	}
	kind := ""
	var found []string
	n.Each("resource", func(name string, key, _ schema.Node) {
		if slices.Contains(kinds(), name) {
			if kind != "" {
				key.Problem("begin a new resource with a dash", "this resource is a %s already", kind)
			}
			kind = name
		}
		found = append(found, name)
	})
	if kind == "" {
		hint := "write - package: NAME, - file: /PATH or - service: NAME"
		for _, name := range found {
			if near := problem.Nearest(name, kinds()); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
				break
			}
		}
		n.Problem(hint, "a resource needs one of package, file and service")
		return
	}
	d := declaration{kind: kind, at: n.At(), fields: map[string]value{}}
	before := r.problems.Len()
	specs := fieldsOf(kind)
	specs[kind] = spec{typ: title, known: []string{kind}}
	if d.loop = r.readLoop(n); d.loop != nil {
		for name, s := range specs {
			s.loop = d.loop.as
			specs[name] = s
		}
	}
	r.fields(n, kind, specs, d.fields, "each", "as")
	d.title = d.fields[kind]
	delete(d.fields, kind)
	if r.problems.Len() > before {
		return
	}
	if hint, err := d.shape(); err != nil {
		n.Problem(hint, "%s %s: %v", kind, d.title.text, err)
		return
	}
	r.resources = append(r.resources, d)
}

// fields reads a mapping by specs; others are keys that are read elsewhere.
func (r *role) fields(n schema.Node, what string, specs map[string]spec, to map[string]value, others ...string) {
	readers := schema.Fields{}
	for _, name := range others {
		readers[name] = func(schema.Node) {}
	}
	for name, s := range specs {
		readers[name] = func(field schema.Node) { r.field(field, name, s, to) }
	}
	n.Fields(what, readers)
}

// field reads one value and checks what is static in it.
func (r *role) field(n schema.Node, name string, s spec, to map[string]value) {
	v, ok := readValue(n, name, s)
	if !ok {
		return
	}
	to[name] = v
	items := v.list
	if !v.isList {
		items = []value{v}
	}
	for _, item := range items {
		if !item.static() {
			continue
		}
		if hint, err := s.check(literal(item)); err != nil {
			r.problems.Addf(item.at, hint, "%s: %v", name, err)
		}
	}
}

// literal is the text of a static scalar.
func literal(v value) string {
	text := ""
	for _, p := range v.parts {
		text += p.text
	}
	return text
}

// shape says which fields don't go together.
func (d *declaration) shape() (hint string, err error) {
	has := func(name string) bool { _, ok := d.fields[name]; return ok }
	if d.kind != catalog.KindFile {
		return "", nil
	}
	given := 0
	for _, name := range []string{"content", "source", "template"} {
		if has(name) {
			given++
		}
	}
	ensure := d.fields["ensure"]
	other := has("ensure") && ensure.static() && literal(ensure) != catalog.FileKind
	switch {
	case given > 1:
		return "keep one of them", fmt.Errorf("content, source and template exclude each other")
	case other && given > 0:
		return "", fmt.Errorf("ensure: %s takes no content", ensure.text)
	case other && has("validate"):
		return "", fmt.Errorf("ensure: %s takes no validate", ensure.text)
	case !other && given == 0:
		return "add content, source or template; or ensure: directory, or ensure: absent", fmt.Errorf("what shall be in it?")
	}
	return "", nil
}
