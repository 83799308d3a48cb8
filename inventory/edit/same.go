package edit

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// A node whose Line is 0 stands for text that an edit adds: how it is written
// doesn't matter, only what is read of it.

// expectPut makes the tree what it must be after f was put where the walk ended.
func (w *walk) expectPut(d *document, f Field) {
	switch {
	case len(w.missing) == 0:
		last := w.steps[len(w.steps)-1]
		fresh := freshValue(f)
		if w.value.Kind == yaml.SequenceNode && fresh.Kind == yaml.ScalarNode {
			fresh = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{fresh}}
		}
		last.in.Content[last.key+1] = fresh
	case w.value == nil:
		d.root = freshValue(Field{Fields: []Field{f}})
	default:
		if w.value.Kind != yaml.MappingNode || len(w.value.Content) == 0 {
			*w.value = yaml.Node{Kind: yaml.MappingNode}
		}
		w.value.Content = append(w.value.Content, freshText(f.Key), freshValue(f))
	}
}

// expectRemoved makes the tree what it must be without the entry.
func (w *walk) expectRemoved() {
	last := w.steps[len(w.steps)-1]
	last.in.Content = slices.Delete(last.in.Content, last.key, last.key+2)
	if len(last.in.Content) == 0 {
		*last.in = yaml.Node{Kind: yaml.MappingNode}
	}
}

func freshValue(f Field) *yaml.Node {
	switch {
	case f.Fields != nil:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, c := range f.Fields {
			n.Content = append(n.Content, freshText(c.Key), freshValue(c))
		}
		return n
	case len(f.Values) == 1:
		return freshText(f.Values[0])
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, v := range f.Values {
		n.Content = append(n.Content, freshText(v))
	}
	return n
}

func freshText(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// same reports whether a tree is the one that was meant. An empty mapping and
// nothing at all are the same: the inventory's readers take them so.
func same(want, got *yaml.Node) bool {
	if want == nil || got == nil || nothing(want) || nothing(got) {
		return (want == nil || nothing(want)) && (got == nil || nothing(got))
	}
	if want.Kind != got.Kind || want.Value != got.Value || want.Anchor != got.Anchor || len(want.Content) != len(got.Content) {
		return false
	}
	if want.Line > 0 && (want.Tag != got.Tag || want.Style != got.Style) {
		return false
	}
	if want.Line == 0 && (isNull(got) || got.Style&yaml.TaggedStyle != 0) {
		return false
	}
	for i, c := range want.Content {
		if !same(c, got.Content[i]) {
			return false
		}
	}
	return true
}

// nothing: a fresh empty mapping, or a null that was written as no word at all.
func nothing(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) == 0 || isNull(n) && n.Value == ""
}
