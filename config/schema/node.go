package schema

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
)

// A Node is a value in a file. Its readers report what doesn't fit, with what
// named in the message ("host web1: address"), and return ok false; a value that
// was reported already is skipped in silence.
type Node struct {
	file *File
	n    *yaml.Node
}

// Fields are the keys that a mapping may have, each with what reads its value.
type Fields map[string]func(Node)

// At is where the value begins.
func (n Node) At() problem.Place { return n.file.place(n.n) }

// Problem reports a problem with this value.
func (n Node) Problem(hint, format string, args ...any) {
	n.file.problem(n.n, hint, format, args...)
}

// Hide keeps the value, and the text behind it on its lines, out of every problem. It is a
// secret that should not stand here. yaml.v3 doesn't give the end of a value. So lines that
// are indented deeper than its first line count as part of it, and so do lines that begin
// with a word of it.
func (n Node) Hide() {
	if n.shape() != nil {
		return
	}
	f, first := n.file, n.At().Line
	for _, c := range n.n.Content {
		Node{f, c}.Hide()
	}
	f.hide(first, n.At().Column)
	if first > len(f.lines) {
		return
	}
	base := indentOf(f.lines[first-1])
	for line := first + 1; line <= len(f.lines); line++ {
		text := f.lines[line-1]
		word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		word = strings.TrimRight(word, `"',}]`)
		if word != "" && indentOf(text) <= base && !strings.Contains(n.n.Value, word) {
			return
		}
		f.hide(line, 1)
	}
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// Null reports whether nothing was written: "key:", ~ or null.
// A node that stands for any value has nothing to read, either.
func (n Node) Null() bool { return n.shape() != nil || isNull(n.n) }

// IsMapping, IsList and IsText tell the kind of a value.
func (n Node) IsMapping() bool { return n.n.Kind == yaml.MappingNode }

// IsList reports whether it is a list.
func (n Node) IsList() bool { return n.n.Kind == yaml.SequenceNode }

// IsText reports whether it is a scalar.
func (n Node) IsText() bool { return n.n.Kind == yaml.ScalarNode }

// Fields reads a mapping whose keys are known. Nothing counts as an empty one.
func (n Node) Fields(what string, fields Fields) (ok bool) {
	return n.FieldsOr(what, fields, nil)
}

// FieldsOr is Fields that also calls a function for every unknown key.
func (n Node) FieldsOr(what string, fields Fields, unknown func(key string, value Node)) (ok bool) {
	return n.FieldsHint(what, fields, nil, unknown)
}

// FieldsHint is FieldsOr, with hints for unknown keys that are likely, such as
// other programs' words for the known ones. Both functions may be nil.
func (n Node) FieldsHint(what string, fields Fields, hint func(key string) string, unknown func(key string, value Node)) (ok bool) {
	if s := n.shape(); s != nil {
		s.fields(n.file, fields)
		return true
	}
	return n.Each(what, func(name string, key, value Node) {
		read := fields[name]
		if read == nil {
			text := glued(name, fields)
			if text == "" && hint != nil {
				text = hint(name)
			}
			if text == "" {
				text = problem.DidYouMean(name, slices.Collect(maps.Keys(fields)))
			}
			key.Problem(text, "%s: unknown key %q", what, name)
			if unknown != nil {
				unknown(name, value)
			}
			return
		}
		read(value)
	})
}

// glued is a hint for a key that swallowed its value: without a plain space
// after the colon, YAML takes all of mac:52:54 for the key.
func glued(name string, fields Fields) string {
	if key, _, found := strings.Cut(name, ":"); found && fields[key] != nil {
		return "put a space after " + key + ":"
	}
	return ""
}

// Each reads a mapping whose keys are names. Nothing counts as an empty one.
func (n Node) Each(what string, f func(name string, key, value Node)) (ok bool) {
	if s := n.shape(); s != nil {
		s.each(n.file, f)
		return true
	}
	if n.file.bad[n.n] {
		return false
	}
	if n.Null() {
		return true
	}
	if !n.IsMapping() {
		n.Problem("write key: value lines, indented by two spaces below their parent key", "%s must be a mapping, not %s", what, kind(n.n))
		return false
	}
	for i := 0; i+1 < len(n.n.Content); i += 2 {
		k, v := n.n.Content[i], n.n.Content[i+1]
		if !n.file.bad[k] {
			f(k.Value, Node{n.file, k}, Node{n.file, v})
		}
	}
	return true
}

// Text reads a scalar as it was written, without its quotes. Nothing, and an
// empty text, are problems.
func (n Node) Text(what string) (text string, ok bool) {
	if s := n.shape(); s != nil {
		s.Text = true
		return "", false
	}
	switch {
	case n.file.bad[n.n]:
		return "", false
	case !n.IsText():
		n.Problem("write one value on the line of its key, without brackets and dashes", "%s must be text, not %s", what, kind(n.n))
		return "", false
	case n.n.Value == "" || n.Null():
		n.Problem("write a value, or remove the line", "%s has no value", what)
		return "", false
	case foreignQuote(n.n.Value):
		n.Problem("write plain quotes, or none: others are part of the text", "%s begins with a quotation mark that YAML doesn't know", what)
		return "", false
	}
	return n.n.Value, true
}

// foreignQuote: word processors put in quotes that YAML takes for letters.
func foreignQuote(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return strings.ContainsRune("“”„‘’«", r)
}

// List reads a list, or one scalar as a list of one. Nothing is an empty list.
func (n Node) List(what string) (items []Node, ok bool) {
	if s := n.shape(); s != nil {
		return s.list(n.file), true
	}
	switch {
	case n.file.bad[n.n]:
		return nil, false
	case n.Null():
		return nil, true
	case n.IsText():
		return []Node{n}, true
	case !n.IsList():
		n.Problem("write [a, b], or lines that begin with a dash", "%s must be a list, not %s", what, kind(n.n))
		return nil, false
	}
	for _, c := range n.n.Content {
		items = append(items, Node{n.file, c})
	}
	return items, true
}

// Any reads any value: a scalar as its text, a list as []any, a mapping as
// map[string]any.
func (n Node) Any() any {
	if s := n.shape(); s != nil {
		s.Any = true
		return ""
	}
	switch n.n.Kind {
	case yaml.SequenceNode:
		items := make([]any, 0, len(n.n.Content))
		for _, c := range n.n.Content {
			items = append(items, Node{n.file, c}.Any())
		}
		return items
	case yaml.MappingNode:
		m := make(map[string]any, len(n.n.Content)/2)
		for i := 0; i+1 < len(n.n.Content); i += 2 {
			if k := n.n.Content[i]; !n.file.bad[k] {
				m[k.Value] = Node{n.file, n.n.Content[i+1]}.Any()
			}
		}
		return m
	case yaml.AliasNode:
		return ""
	}
	return n.n.Value
}
