package inventory

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// The defaults without any layer.
const (
	defaultInstall = OnRequest
	defaultAnswer  = GiveAnswer
	defaultBudget  = 15 * time.Minute
)

// A named layer, as [Explain] shows it.
type named struct {
	name  string
	layer layer
}

// merged is a host's layers put together.
type merged struct {
	group  *groupDecl  // nil when it is in none
	system *systemDecl // nil without a system
	layers []named     // from the weakest to the strongest
}

// merge finds the layers of a host: defaults, system, group, host, the later
// stronger. Which system it is, host, group and defaults say, in this order.
func (l *loader) merge(d *hostDecl) merged {
	var m merged
	group, _ := d.group.value.(string)
	m.group = l.groups[group]
	var groupLayer layer
	if m.group != nil {
		groupLayer = m.group.layer
	}
	system := cmp.Or(d.layer.text(keySystem), groupLayer.text(keySystem), l.defaults.text(keySystem))
	m.system = l.systems[system]

	m.layers = append(m.layers, named{"defaults", l.defaults})
	if m.system != nil {
		m.layers = append(m.layers, named{"system " + system, m.system.layer})
	}
	if m.group != nil {
		m.layers = append(m.layers, named{"group " + group, groupLayer})
	}
	m.layers = append(m.layers, named{"host " + d.name, d.layer})
	return m
}

// has reports whether some layer gives a key, rightly or wrongly.
func (m merged) has(key string) bool {
	return slices.ContainsFunc(m.layers, func(n named) bool { _, ok := n.layer[key]; return ok })
}

// value is the strongest layer's value; nil if no layer has one.
func (m merged) value(key string) any {
	for _, n := range slices.Backward(m.layers) {
		if s, ok := n.layer[key]; ok {
			return s.value
		}
	}
	return nil
}

// text is value as text, "" without a value.
func (m merged) text(key string) string {
	s, _ := m.value(key).(string)
	return s
}

// variables are those of all layers, merged by name.
func (m merged) variables() map[string]any {
	vars := map[string]any{}
	for _, n := range m.layers {
		for key, s := range n.layer {
			if name, ok := strings.CutPrefix(key, variablePrefix); ok {
				vars[name] = s.value
			}
		}
	}
	return vars
}
