package schema

import (
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
