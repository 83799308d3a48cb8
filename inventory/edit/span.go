package edit

import (
	"bytes"
	"errors"
	"strings"

	"gopkg.in/yaml.v3"
)

// errSpan: yaml.v3 says where a node starts, and the text there isn't that node.
var errSpan = errors.New("the text doesn't stand where the parser says")

// span finds where a node starts and ends. yaml.v3 gives only the start. So span finds the
// end in the text, by the node's style and value. A block ends with its last value; an
// empty value has no length.
func (d *document) span(n *yaml.Node) (start, end int, err error) {
	start = d.offset(n)
	at := start
	if n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		at = d.skipProperties(at, n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0)
	}
	switch {
	case n.Kind == yaml.AliasNode:
		end = at + 1 + len(n.Value)
		if !bytes.HasPrefix(d.text[min(at, len(d.text)):], []byte("*"+n.Value)) {
			err = errSpan
		}
	case n.Kind == yaml.ScalarNode:
		end, err = d.scalarEnd(n, at)
	case n.Style&yaml.FlowStyle != 0:
		end, err = d.flowEnd(n, at)
	case len(n.Content) == 0:
		end = at
	default:
		_, end, err = d.span(n.Content[len(n.Content)-1])
	}
	return start, end, err
}

// skipProperties skips anchor and tag, up to the value. Without a value it stops behind
// them.
func (d *document) skipProperties(at int, empty bool) int {
	for at < len(d.text) && (d.text[at] == '&' || d.text[at] == '!') {
		end := at
		for end < len(d.text) && !isSpace(d.text, end) {
			end++
		}
		at = d.skip(end, "")
		if empty && (at >= len(d.text) || d.text[at] != '&' && d.text[at] != '!') {
			return end
		}
	}
	return at
}

func (d *document) scalarEnd(n *yaml.Node, at int) (int, error) {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return d.quoteEnd(at, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return d.quoteEnd(at, '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return d.blockTextEnd(n, at)
	}
	return d.match(at, n.Value)
}

// quoteEnd finds the end of a quoted text.
func (d *document) quoteEnd(at int, quote byte) (int, error) {
	if at >= len(d.text) || d.text[at] != quote {
		return 0, errSpan
	}
	for at++; at < len(d.text); at++ {
		switch c := d.text[at]; {
		case c == '\\' && quote == '"':
			at++
		case c == quote && quote == '\'' && at+1 < len(d.text) && d.text[at+1] == quote:
			at++
		case c == quote:
			return at + 1, nil
		}
	}
	return 0, errSpan
}

// blockTextEnd finds the end of a | or > text, before the break of its last line.
// Blank lines behind it belong to it only where + keeps them.
func (d *document) blockTextEnd(n *yaml.Node, at int) (int, error) {
	if at >= len(d.text) || d.text[at] != '|' && d.text[at] != '>' {
		return 0, errSpan
	}
	header, _, _ := strings.Cut(d.rest(at), "#")
	header = strings.TrimRight(header, " \t")
	if strings.TrimSpace(n.Value) == "" {
		return at + len(header), nil
	}
	end, err := d.match(d.eol(at), n.Value)
	if err != nil {
		return 0, err
	}
	end = d.eol(end)
	for keep := strings.Contains(header, "+"); keep && end < len(d.text); {
		next := end + breakLen(d.text[end:])
		if next >= len(d.text) || strings.Trim(d.rest(next), " \t") != "" {
			break
		}
		end = d.eol(next)
	}
	return end, nil
}

// match skips a text that may be folded: its words must come one after the
// other, with any spaces and line breaks between them.
func (d *document) match(at int, value string) (end int, err error) {
	end = at
	v := []byte(value)
	for i := 0; ; i++ {
		for i < len(v) && spaceLen(v[i:]) > 0 {
			i += spaceLen(v[i:])
		}
		if i >= len(v) {
			return end, nil
		}
		for at < len(d.text) && spaceLen(d.text[at:]) > 0 {
			at += spaceLen(d.text[at:])
		}
		if at >= len(d.text) || d.text[at] != v[i] {
			return 0, errSpan
		}
		at++
		end = at
	}
}

// spaceLen is the length in bytes of the white space at the front; 0 without any.
func spaceLen(b []byte) int {
	if len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		return 1
	}
	return breakLen(b)
}

func isSpace(b []byte, at int) bool { return spaceLen(b[at:]) > 0 }

// flowEnd finds the end of a mapping or list in brackets.
func (d *document) flowEnd(n *yaml.Node, at int) (int, error) {
	if at >= len(d.text) {
		return 0, errSpan
	}
	open := d.text[at]
	if open != '{' && open != '[' || len(n.Content) > 0 && d.offset(n.Content[0]) <= at {
		// One pair in a list: [a: b].
		if len(n.Content) == 0 {
			return 0, errSpan
		}
		_, end, err := d.span(n.Content[len(n.Content)-1])
		return end, err
	}
	end := at + 1
	if len(n.Content) > 0 {
		var err error
		if _, end, err = d.span(n.Content[len(n.Content)-1]); err != nil {
			return 0, err
		}
	}
	end = d.skip(end, ",")
	if end >= len(d.text) || d.text[end] != open+2 { // { } and [ ] are two apart
		return 0, errSpan
	}
	return end + 1, nil
}

// skip skips spaces, line breaks, comments, and the characters of also.
func (d *document) skip(at int, also string) int {
	for at < len(d.text) {
		switch n := spaceLen(d.text[at:]); {
		case n > 0:
			at += n
		case d.text[at] == '#':
			at = d.eol(at)
		case strings.IndexByte(also, d.text[at]) >= 0:
			at++
		default:
			return at
		}
	}
	return at
}
