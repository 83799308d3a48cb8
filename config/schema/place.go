package schema

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
)

// PlaceIn is where a character of a scalar's text stands in the file. line and column count
// from 1, the column in characters. Where that can't be told, as in a text with escapes or a
// folded one, it is where the scalar begins.
func (n Node) PlaceIn(line, column int) problem.Place {
	at := n.At()
	lines := strings.Split(n.n.Value, "\n")
	if n.shape() != nil || !n.IsText() || line < 1 || column < 1 || line > len(lines) {
		return at
	}
	text, in := lines[line-1], at.Line
	if n.n.Style&yaml.LiteralStyle != 0 {
		in += line // the text begins below its |
	} else if len(lines) > 1 {
		return at
	}
	if in > len(n.file.lines) {
		return at
	}
	source, from := []rune(n.file.lines[in-1]), at.Column-1
	switch {
	case n.n.Style&yaml.LiteralStyle != 0:
		from = indentOf(n.file.lines[in-1]) - indentOf(text)
	case n.n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		from++ // the quotation mark
	}
	if from < 0 || from > len(source) || !strings.HasPrefix(string(source[from:]), text) || column > len([]rune(text))+1 {
		return at
	}
	return problem.Place{File: at.File, Line: in, Column: from + column}
}

// Within is the place of a part of the value that stands at a place: path are keys of mappings
// and, for items of lists, their numbers from 1. It goes as far as the path does. It parses the
// file again, in a time that grows with its size.
func (f *File) Within(at problem.Place, path []string) problem.Place {
	docs, fail := parseAll(strings.Join(f.lines, "\n"))
	if fail != nil || len(docs) == 0 {
		return at
	}
	parsed := &File{name: f.name, lines: f.lines}
	n := find(parsed, docs[0], at)
	if n == nil {
		return at
	}
	for _, step := range path {
		next := entry(n, step)
		if next == nil {
			break
		}
		n = next
	}
	return parsed.place(n)
}

// find is the innermost value that begins at a place.
func find(f *File, n *yaml.Node, at problem.Place) (found *yaml.Node) {
	if n.Kind != yaml.DocumentNode && f.place(n) == at {
		found = n
	}
	for i, child := range n.Content {
		// The key of a mapping begins where the mapping does.
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		if inner := find(f, child, at); inner != nil {
			return inner
		}
	}
	return found
}

// entry is the value of a key, or the item of a number; nil without one.
func entry(n *yaml.Node, step string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(step); err == nil && i >= 1 && i <= len(n.Content) {
			return n.Content[i-1]
		}
		return nil
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i+1]
		}
	}
	return nil
}
