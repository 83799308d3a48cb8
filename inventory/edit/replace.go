package edit

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// replace splices other values into the place of a value.
func (d *document) replace(w *walk, path Path, f Field) ([]Splice, error) {
	n, values := w.value, f.Values
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		return nil, refuse("set its keys, or remove it first", "%s is a mapping (line %d)", path, n.Line)
	case n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return nil, refuse("write the plain value", "%s carries an anchor or a tag (line %d)", path, n.Line)
	case f.Fields == nil && unchanged(n, values):
		return nil, nil
	}
	start, end, err := d.span(n)
	if err != nil {
		return nil, err
	}
	s := style{newline: d.newline}
	var text string
	switch {
	case f.Fields != nil && n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0:
		return nil, refuse("remove it first", "%s is a list (line %d)", path, n.Line)
	case f.Fields != nil:
		text = s.flowValue(f, w.flow)
	case n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0:
		// A list with dashes stays one; the first dash stands where the list did.
		lead := s.newline + strings.Repeat(" ", n.Column-1)
		for i, v := range values {
			if i > 0 {
				text += lead
			}
			text += "- " + formatText(v, false)
		}
	case n.Kind == yaml.SequenceNode || len(values) > 1:
		text = s.flowList(values)
	default:
		text = formatText(values[0], w.flow)
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		// The comment behind the | stays.
		header := d.rest(start)
		if i := strings.IndexByte(header, '#'); i > 0 && start+len(header) <= end {
			lead := header[:i]
			text += lead[len(strings.TrimRight(lead, " \t")):] + header[i:]
		}
	}
	if start == end {
		text = d.before(start) + text
	}
	return []Splice{{start, end, text}}, nil
}

// unchanged reports whether a value already equals the new one.
func unchanged(n *yaml.Node, values []string) bool {
	if n.Kind == yaml.ScalarNode {
		return len(values) == 1 && n.Value == values[0] && !isNull(n)
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) != len(values) {
		return false
	}
	for i, c := range n.Content {
		if !unchanged(c, values[i:i+1]) {
			return false
		}
	}
	return true
}
