package role

import (
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory"
)

// A tree is a value as written: a scalar, a list or a mapping.
type tree struct {
	at      problem.Place
	scalar  value
	list    []tree          // of a list
	entries map[string]tree // of a mapping
	kind    treeKind
}

type treeKind int

const (
	scalarTree treeKind = iota
	listTree
	mapTree
)

func readTree(n schema.Node, what string) (tree, bool) {
	t := tree{at: n.At()}
	good := true
	switch {
	case n.IsList():
		t.kind = listTree
		items, ok := n.List(what)
		good = ok
		for _, item := range items {
			inner, ok := readTree(item, what)
			t.list, good = append(t.list, inner), good && ok
		}
	case n.IsMapping():
		t.kind, t.entries = mapTree, map[string]tree{}
		all := n.Each(what, func(name string, _, value schema.Node) {
			inner, ok := readTree(value, what)
			t.entries[name], good = inner, good && ok
		})
		good = good && all
	default:
		t.scalar, good = readScalar(n, what, spec{Empty: true})
	}
	return t, good
}

// each calls f for every scalar.
func (t tree) each(f func(value)) {
	switch t.kind {
	case listTree:
		for _, item := range t.list {
			item.each(f)
		}
	case mapTree:
		for _, item := range t.entries {
			item.each(f)
		}
	default:
		f(t.scalar)
	}
}

// static reports whether nothing is substituted in the tree.
func (t tree) static() bool {
	static := true
	t.each(func(v value) { static = static && v.static() })
	return static
}

// tree resolves the references in a tree. A whole ${...} keeps its type, and the name of a
// secret stays a name.
func (r *resolver) tree(name string, t tree) (any, bool) {
	switch t.kind {
	case listTree:
		out := make([]any, len(t.list))
		for i, item := range t.list {
			var ok bool
			if out[i], ok = r.tree(name, item); !ok {
				return nil, false
			}
		}
		return out, true
	case mapTree:
		out := make(map[string]any, len(t.entries))
		for key, item := range t.entries {
			var ok bool
			if out[key], ok = r.tree(name, item); !ok {
				return nil, false
			}
		}
		return out, true
	}
	if ref, whole := t.scalar.whole(); whole {
		return r.find(name, t.scalar, ref)
	}
	var b strings.Builder
	for _, p := range t.scalar.parts {
		if !p.ref {
			b.WriteString(p.text)
			continue
		}
		found, ok := r.find(name, t.scalar, p.text)
		if !ok {
			return nil, false
		}
		text, isText := found.(string)
		if !isText {
			what := kindOf(found)
			if _, secret := found.(inventory.SecretRef); secret {
				what = "a secret"
			}
			r.c.addf(t.at, "pass ${"+p.text+"} alone", "%s: ${%s} is %s, and can't be a part of a text", name, p.text, what)
			return nil, false
		}
		if !r.c.spend(t.at, len(text)) {
			return nil, false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// maxValues bounds the values of all parameters of a host, in bytes. Roles that pass values
// on could double them at each step.
const maxValues = 16 << 20

// spend counts the size of a value; false when all are too large, which is reported once.
func (c *compiler) spend(at problem.Place, size int) bool {
	before := c.values
	c.values += size
	if c.values > maxValues && before <= maxValues {
		c.addf(at, "pass less on", "host %s: the values of its roles' parameters have more than %d MiB", c.in.Host.Name, maxValues>>20)
	}
	return c.values <= maxValues
}

// sizeOf is about the size of a value, at most a little above most.
func sizeOf(v any, most int) int {
	size := 16
	switch v := v.(type) {
	case string:
		size += len(v)
	case []any:
		for _, item := range v {
			if size > most {
				break
			}
			size += sizeOf(item, most-size)
		}
	case map[string]any:
		for key, item := range v {
			if size > most {
				break
			}
			size += len(key) + sizeOf(item, most-size)
		}
	}
	return size
}
