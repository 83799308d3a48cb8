package schema

import (
	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
)

// vet reports what no schema allows: anchors, aliases, merge keys, tags, keys
// that aren't text, duplicate keys, too much depth. Nodes that it reports are
// marked, so that readers skip them. It never follows an alias, so an alias
// bomb costs nothing.
func (f *File) vet(n *yaml.Node, depth int) {
	if depth > maxDepth {
		f.mark(n, "nothing here needs more than a few levels", "nested more than %d levels deep", maxDepth)
		n.Content = nil
		return
	}
	switch {
	case n.Kind == yaml.AliasNode && f.alias:
		// One a file is enough: a file with one has many.
		f.bad[n] = true
		return
	case n.Kind == yaml.AliasNode:
		f.alias = true
		f.mark(n, "write the value out, or share it by a group, a system or defaults; quote a text that begins with *",
			"aliases (*name) are not supported")
		return
	case n.Anchor != "":
		f.problem(n, "share values by a group, a system or defaults; quote a text that begins with &",
			"anchors (&name) are not supported")
	case n.Style&yaml.TaggedStyle != 0:
		f.mark(n, "leave it out: a value is the text as written; quote a text that begins with !",
			"tags (!name) are not supported")
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			f.vet(c, depth+1)
		}
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		f.vet(v, depth+1)
		switch {
		case k.Kind != yaml.ScalarNode:
			f.mark(k, "a key is a plain word; quote a text that begins with { or [", "a key must be text, not %s", kind(k))
		case k.Style&yaml.TaggedStyle != 0 || k.Anchor != "":
			f.mark(k, "a key is a plain word", "a key can't have a tag or an anchor")
		case k.Tag == "!!merge":
			f.mark(k, "share values by a group, a system or defaults", "merge keys (<<) are not supported")
		case seen[k.Value] != nil:
			f.mark(k, "keep one of the two", "the key %q stands here a second time; first at %s", k.Value, f.place(seen[k.Value]))
		default:
			seen[k.Value] = k
		}
	}
}

func (f *File) mark(n *yaml.Node, hint, format string, args ...any) {
	if !f.bad[n] {
		f.problem(n, hint, format, args...)
	}
	f.bad[n] = true
}

func (f *File) problem(n *yaml.Node, hint, format string, args ...any) {
	if f.probe != nil {
		return
	}
	f.list.Addf(f.place(n), hint, format, args...)
}

func (f *File) place(n *yaml.Node) problem.Place {
	return problem.Place{File: f.name, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

// kind names a node's kind for people.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if isNull(n) && n.Value == "" {
		return "nothing"
	}
	return "text"
}
