package edit

import (
	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
)

// A walk is how far a path leads in a document.
type walk struct {
	// steps are the mappings gone through, from the root; none in a file that
	// holds nothing.
	steps []step
	// missing are the keys of the path that aren't there; they belong into value.
	missing Path
	value   *yaml.Node // where the walk ended; nil: the file holds nothing
	flow    bool       // some mapping gone through is in brackets
}

// A step is an entry of a mapping that the path went through.
type step struct {
	in  *yaml.Node
	key int // index of the key in in.Content; the value follows it
}

// walk follows a path as far as it goes.
func (d *document) walk(path Path) (*walk, error) {
	if len(path) == 0 {
		return nil, refuse("write a path such as hosts.web1.address", "the path is empty")
	}
	w := &walk{value: d.root}
	for i, key := range path {
		n := w.value
		if n == nil || isNull(n) {
			w.missing = path[i:]
			break
		}
		if err := d.mayChange(n, path[:i]); err != nil {
			return nil, err
		}
		switch {
		case n.Kind == yaml.SequenceNode:
			return nil, refuse("give all of its values: rackhand set "+path[:i].String()+" A B", "%s is a list, which has no keys (line %d)", path[:i], n.Line)
		case n.Kind != yaml.MappingNode && i == 0:
			return nil, refuse("", "the file holds no mapping")
		case n.Kind != yaml.MappingNode:
			return nil, refuse("remove it first", "%s is a text, which has no keys (line %d)", path[:i], n.Line)
		}
		at := -1
		for k := 0; k+1 < len(n.Content); k += 2 {
			if c := n.Content[k]; c.Kind == yaml.ScalarNode && c.Value == key {
				if at >= 0 {
					return nil, refuse("keep one of the two", "%s stands in the file twice, at lines %d and %d", path[:i+1], n.Content[at].Line, c.Line)
				}
				at = k
			}
		}
		if at < 0 {
			w.missing = path[i:]
			w.flow = w.flow || n.Style&yaml.FlowStyle != 0
			break
		}
		w.flow = w.flow || n.Style&yaml.FlowStyle != 0
		w.steps = append(w.steps, step{n, at})
		w.value = n.Content[at+1]
	}
	if w.value != nil {
		return w, d.mayChange(w.value, path[:len(path)-len(w.missing)])
	}
	return w, nil
}

// mayChange refuses what also stands for something elsewhere in the file.
func (d *document) mayChange(n *yaml.Node, path Path) error {
	where := path.String()
	if where == "" {
		where = "the file's mapping"
	}
	switch {
	case n.Kind == yaml.AliasNode:
		line := 0
		if n.Alias != nil {
			line = n.Alias.Line
		}
		return refuse("write the value out there first", "%s is an alias, *%s, of the value at line %d: an edit would change that value too", where, n.Value, line)
	case n.Anchor != "" && d.shared[n.Anchor]:
		return refuse("write the values out first", "%s is shared as &%s: an edit would change every *%s too", where, n.Anchor, n.Anchor)
	}
	return nil
}

// at is the path up to the first key that is missing.
func (w *walk) at(path Path) string { return path[:len(path)-len(w.missing)+1].String() }

// hint looks for a key with a similar name.
func (w *walk) hint() string {
	if w.value == nil || w.value.Kind != yaml.MappingNode {
		return ""
	}
	var keys []string
	for i := 0; i+1 < len(w.value.Content); i += 2 {
		keys = append(keys, w.value.Content[i].Value)
	}
	return problem.DidYouMean(w.missing[0], keys)
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style == 0 && n.Anchor == ""
}
