package role

import (
	"fmt"
	"slices"

	"rackhand/config/schema"
	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

// parse reads a role's file and checks all that can be told without a host.
func parse(name string, data []byte) (*role, Problems) {
	return parseFile("roles/"+name+".yaml", name, data)
}

// parseFile is parse for a file of another name.
func parseFile(file, name string, data []byte) (*role, Problems) {
	r := &role{name: name}
	root, ok := schema.Parse(file, data, &r.problems)
	if ok {
		root.FieldsHint("role "+name, schema.Fields{
			"parameters": r.readParameters,
			"include":    r.readIncludes,
			"resources": func(n schema.Node) {
				if n.IsMapping() {
					n.Problem("begin each resource with a dash: - package: nginx", "resources must be a list, not a mapping")
					return
				}
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
		}, roleHint, nil)
	}
	r.checkReferences()
	r.compileConditions()
	r.broken = r.problems.Len() > 0
	return r, r.problems.Problems()
}

// list reads a list; unlike a list of texts, one item can't stand for it.
func list(n schema.Node, what string) ([]schema.Node, bool) {
	if n.IsText() && !n.Null() {
		hint := "write lines that begin with a dash"
		if what == "include" {
			if text, ok := n.Text(what); ok {
				hint = fmt.Sprintf("write include: [%.80s]", text)
			}
		}
		n.Problem(hint, "%s must be a list", what)
		return nil, false
	}
	return n.List(what)
}

// specsOf are the specs of a kind's fields, without its title.
func specsOf(k kind.Kind) map[string]spec {
	specs := make(map[string]spec, len(k.Fields)+8)
	for name, f := range kind.Common() {
		specs[name] = f.Spec
	}
	for name, f := range k.Fields {
		specs[name] = f.Spec
	}
	return specs
}

func titleSpec(k kind.Kind) spec { return spec{Type: kind.Title, Known: []string{k.Name}} }

// findKind finds the kind of a resource by its keys. A key such as group is a kind, or a field
// of another one, as in a file's group. second is the key of one more kind, if there is one.
func findKind(keys []string) (k kind.Kind, second string) {
	var found []kind.Kind
	for _, name := range keys {
		if k, ok := kind.Find(name); ok {
			found = append(found, k)
		}
	}
	for _, k := range found {
		others := slices.DeleteFunc(slices.Clone(found), func(o kind.Kind) bool {
			_, isField := k.Fields[o.Name]
			return isField || o.Name == k.Name
		})
		if len(others) == 0 {
			return k, ""
		}
	}
	if len(found) == 0 {
		return k, ""
	}
	return found[0], found[1].Name
}

func (r *role) resource(n schema.Node) {
	if !n.IsMapping() {
		n.Problem("write - package: NAME, - file: /PATH and the like", "a resource must be a mapping")
		return
	}
	var found []string
	keys, values := map[string]schema.Node{}, map[string]schema.Node{}
	n.Each("resource", func(name string, key, value schema.Node) {
		keys[name], values[name] = key, value
		found = append(found, name)
	})
	k, second := findKind(found)
	if hint := k.HintFirst(found); hint != "" {
		keys[found[0]].Problem(hint, "unknown type of resource %q", found[0])
		return
	}
	if second != "" {
		keys[second].Problem("begin a new resource with a dash", "this resource is a %s already", k.Name)
	}
	if k.Name == "" {
		hint := "write - package: NAME, - file: /PATH and the like"
		for _, name := range found {
			if known := kind.HintType(name); known != "" {
				hint = known
				break
			}
		}
		n.Problem(hint, "a resource needs one of %s", kind.Listed())
		return
	}
	if title := values[k.Name]; !title.IsText() {
		title.Problem(k.HintTitle(title.IsList()), "%s: its name must be text", k.Name)
		return
	}
	d := declaration{kind: k, at: n.At(), fields: map[string]value{}}
	before := r.problems.Len()
	specs := specsOf(k)
	specs[k.Name] = titleSpec(k)
	d.loop = r.readLoop(n)
	d.specs = d.loop.allow(specs)
	n.Each("resource", func(name string, _, value schema.Node) {
		if name == "when" {
			d.when = r.readWhen(value, d.loop)
		}
	})
	r.fields(n, k.Name, specs, d.fields, k.HintKey, "each", "as", "when", "retry")
	d.title = d.fields[k.Name]
	delete(d.fields, k.Name)
	r.readRetry(n, &d)
	if r.problems.Len() > before {
		return
	}
	if k.Shape != nil {
		if hint, err := k.Shape(&d); err != nil {
			n.Problem(hint, "%s %s: %v", k.Name, d.title.text, err)
			return
		}
	}
	r.resources = append(r.resources, d)
}

// fields reads a mapping by specs; others are keys that are read elsewhere. hint is for
// unknown keys, and may be nil.
func (r *role) fields(n schema.Node, what string, specs map[string]spec, to map[string]value, hint func(key string) string, others ...string) {
	readers := schema.Fields{}
	for _, name := range others {
		readers[name] = func(schema.Node) {}
	}
	for name, s := range specs {
		readers[name] = func(field schema.Node) { r.field(field, name, s, to) }
	}
	n.FieldsHint(what, readers, hint, nil)
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
		if hint, err := s.Check(literal(item)); err != nil {
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

// Has reports whether a field is given.
func (d *declaration) Has(name string) bool { _, ok := d.fields[name]; return ok }

// Static is the text of a field in which nothing is substituted.
func (d *declaration) Static(name string) (text string, ok bool) {
	v, there := d.fields[name]
	if !there || v.isList || !v.static() {
		return "", false
	}
	return literal(v), true
}

// roleHint is for the sections of manifests and playbooks.
func roleHint(key string) string {
	switch key {
	case "tasks", "handlers", "resource":
		return "write resources:"
	case "vars", "variables", "params", "defaults", "inputs":
		return "write parameters: {NAME: {default: VALUE}}"
	case "dependencies", "roles", "classes", "requires", "import":
		return "write include: [base]"
	case "name", "class", "role":
		return "remove it: the name of the file is the role's"
	case "hosts":
		return "remove it: a host of the inventory names its roles"
	case "tests":
		return "write it into roles/NAME.test.yaml"
	}
	if _, ok := kind.Find(key); ok || kind.HintType(key) != "" {
		return "write it below resources:, indented, behind a dash"
	}
	return ""
}
