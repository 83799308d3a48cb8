package role

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rackhand/config/schema"
)

// maxEach bounds the resources that one each makes.
const maxEach = 2000

// loopName is the name of an item unless as gives another.
const loopName = "each"

// A loop makes one resource of each item of a list or a mapping.
type loop struct {
	over tree
	as   string // ${as.key} and ${as.value} stand for an item
}

// An item is one step of a loop.
type item struct {
	key    string // of a mapping; of a list its number, from 1
	value  any
	number int // of a list, from 0
	// claimed: the loop goes over facts, or what came from them.
	claimed bool
}

// readLoop reads each and as of a resource or a check; nil without each.
func (r *role) readLoop(n schema.Node) *loop {
	var l *loop
	as := loopName
	var asAt *schema.Node
	n.Each("resource", func(name string, _, value schema.Node) {
		switch name {
		case "each":
			l = &loop{}
			var ok bool
			if l.over, ok = readTree(value, "each"); !ok {
				return
			}
			if _, whole := l.over.scalar.whole(); l.over.kind == scalarTree && !whole {
				value.Problem("write [a, b], or ${param.NAME} of type list or map", "each must be a list or a mapping")
			}
		case "as":
			asAt = &value
			text, ok := value.Text("as")
			if ok && (!paramName.MatchString(text) || slices.Contains([]string{"host", "appliance", "param", "var", "secret", "facts", "hosts"}, text)) {
				value.Problem("use letters, digits and _, such as site", "%.80q can't be the name of an item", text)
			} else if ok {
				as = text
			}
		}
	})
	if l != nil {
		l.as = as
	} else if asAt != nil {
		asAt.Problem("add each, or remove as", "as names an item of each, which isn't here")
	}
	return l
}

// allow lets the item of a loop stand in fields.
func (l *loop) allow(specs map[string]spec) map[string]spec {
	if l != nil {
		for name, s := range specs {
			s.Loop = l.as
			specs[name] = s
		}
	}
	return specs
}

// knownItem reports whether a reference is one to the loop's item.
func knownItem(s spec, ref string) bool {
	if s.Loop == "" {
		return false
	}
	rest, ok := strings.CutPrefix(ref, s.Loop+".value.")
	return ok && rest != "" || ref == s.Loop+".value" || ref == s.Loop+".key"
}

// items are the steps of a loop: one without a loop. They aren't known if they need facts
// that aren't known yet.
func (c *compiler) items(s *scope, l *loop) (out []item, known bool) {
	if l == nil {
		return []item{{}}, true
	}
	f := &resolver{c: c, scope: s}
	found, ok := f.tree("each", l.over)
	if !ok {
		return nil, !f.waits
	}
	switch list := found.(type) {
	case []any:
		for i, v := range list {
			out = append(out, item{strconv.Itoa(i + 1), v, i, f.claims})
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(list)) {
			out = append(out, item{key: key, value: list[key], claimed: f.claims})
		}
	default:
		c.addf(l.over.at, "", "each: for host %s: %s is %s, not a list or a mapping", c.in.Host.Name, l.over.scalar.text, kindOf(found))
	}
	if len(out) > maxEach {
		c.addf(l.over.at, "split it", "each: for host %s: %d items, at most %d are allowed", c.in.Host.Name, len(out), maxEach)
		return nil, true
	}
	return out, true
}

// values are an item's for ${as.key} and ${as.value}.
func (i item) values() map[string]any { return map[string]any{"key": i.key, "value": i.value} }

// from says in an error which item made a resource.
func (l *loop) from(i item) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf(" (item %.40q)", i.key)
}
