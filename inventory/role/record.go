package role

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// The type of a mapping with the fields that its declaration lists, and that of another host.
const (
	recordType = "record"
	hostType   = "host"
)

// maxRecords bounds how deep records lie in each other.
const maxRecords = 4

// hostFields are those of a record of the type host, as ${hosts(...)} gives it.
func hostFields() map[string]*parameter {
	empty := &tree{scalar: value{}}
	fields := map[string]*parameter{"name": {name: "name", typ: paramType{name: "string"}}}
	for _, name := range []string{"address", "group", "mac"} {
		fields[name] = &parameter{name: name, typ: paramType{name: "string"}, otherwise: empty}
	}
	fields["roles"] = &parameter{name: "roles", typ: paramType{name: "list", item: &paramType{name: "string"}}, otherwise: &tree{kind: listTree}}
	return fields
}

// readFields reads the fields of a record. Each is declared as a parameter is.
func (r *role) readFields(what string, n schema.Node, depth int) map[string]*parameter {
	fields := map[string]*parameter{}
	if depth > maxRecords {
		n.Problem("pass a smaller record", "%s: records lie deeper than %d in each other", what, maxRecords)
		return fields
	}
	n.Each(what+": fields", func(name string, key, value schema.Node) {
		switch {
		case !paramName.MatchString(name):
			key.Problem("use letters, digits and _, a letter first", "%s: %.80q can't be a field", what, name)
		case len(fields) == maxParameters:
			key.Problem("pass several records", "%s: more than %d fields", what, maxParameters)
		default:
			fields[name] = r.readDeclaration(what+": field "+name, name, key.At(), value, depth)
		}
	})
	return fields
}

// record returns a mapping as a record has it. Without partial, missing fields have their
// defaults.
func (t paramType) record(v any, partial bool) (out map[string]any, hint string, err error) {
	entries, ok := v.(map[string]any)
	if !ok {
		return nil, "write {" + strings.Join(t.fieldNames(), ": …, ") + ": …}", fmt.Errorf("%s is not a %s", describe(v), t)
	}
	out = make(map[string]any, len(t.fields))
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		p := t.fields[key]
		if p == nil {
			return nil, problem.DidYouMean(key, t.fieldNames()), within(key, fmt.Errorf("the record has no such field"))
		}
		if out[key], hint, err = p.typ.check(entries[key], p.values, partial); err != nil {
			return nil, hint, within(key, err)
		}
	}
	if partial {
		return out, "", nil
	}
	for _, name := range t.fieldNames() {
		if _, given := out[name]; given {
			continue
		}
		p := t.fields[name]
		if p.otherwise == nil {
			return nil, "add it, or give the field a default", fmt.Errorf("the field %s is missing", name)
		}
		v, _ := (&resolver{}).tree("", *p.otherwise) // a default of a field is static
		if out[name], hint, err = p.typ.check(v, p.values, false); err != nil {
			return nil, hint, within(name, err)
		}
	}
	return out, "", nil
}

func (t paramType) fieldNames() []string { return slices.Sorted(maps.Keys(t.fields)) }

// A misfit is an error in a part of a value.
type misfit struct {
	key  string // of a mapping
	item int    // the number of an item of a list, from 1; 0 for an entry of a mapping
	err  error
}

func (m *misfit) Error() string {
	if m.item > 0 {
		return fmt.Sprintf("item %d: %v", m.item, m.err)
	}
	return fmt.Sprintf("%.40s: %v", m.key, m.err)
}

func (m *misfit) Unwrap() error { return m.err }

// within says in which entry of a mapping an error is.
func within(key string, err error) error { return &misfit{key: key, err: err} }

// withinItem says in which item of a list an error is, counted from 0.
func withinItem(i int, err error) error { return &misfit{item: i + 1, err: err} }

// pathOf are the keys, and numbers of items from 1, that lead to an error.
func pathOf(err error) (path []string) {
	for {
		m, ok := err.(*misfit)
		if !ok {
			return path
		}
		step := m.key
		if m.item > 0 {
			step = strconv.Itoa(m.item)
		}
		path, err = append(path, step), m.err
	}
}

// placeOf is where the part of a value stands that an error is about.
func (t tree) placeOf(err error) problem.Place {
	m, ok := err.(*misfit)
	if !ok {
		return t.at
	}
	if m.item > 0 && m.item <= len(t.list) {
		return t.list[m.item-1].placeOf(m.err)
	}
	if inner, ok := t.entries[m.key]; ok && m.item == 0 {
		return inner.placeOf(m.err)
	}
	return t.at
}
