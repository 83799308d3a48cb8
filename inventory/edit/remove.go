package edit

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// remove cuts out the entry at which the walk ended.
func (d *document) remove(w *walk) ([]Splice, error) {
	last := w.steps[len(w.steps)-1]
	if name := d.sharedWithin(w.value); name != "" {
		return nil, refuse("write the value out there first", "&%s stands in it, which *%s elsewhere refers to", name, name)
	}
	if last.in.Style&yaml.FlowStyle != 0 {
		return d.removeFlow(last)
	}
	return d.removeBlock(last)
}

// sharedWithin finds an anchor in what is removed that something may refer to.
func (d *document) sharedWithin(n *yaml.Node) string {
	if n.Anchor != "" && d.shared[n.Anchor] {
		return n.Anchor
	}
	for _, c := range n.Content {
		if name := d.sharedWithin(c); name != "" {
			return name
		}
	}
	return ""
}

// removeBlock cuts whole lines: those of the entry, and of the comments behind it
// that are indented deeper than its key.
func (d *document) removeBlock(s step) ([]Splice, error) {
	key, value := s.in.Content[s.key], s.in.Content[s.key+1]
	start := d.offset(key)
	_, end, err := d.span(value)
	if err != nil {
		return nil, err
	}
	line := d.lineOf(start)
	if strings.Trim(string(d.text[line:start]), " ") != "" {
		return nil, refuse("edit the file by hand", "the key at line %d doesn't begin its line", key.Line)
	}
	if !blank(d.rest(end)) {
		return nil, errSpan
	}
	end = d.passOwn(d.eol(end), key.Column)
	next := end + breakLen(d.text[end:])
	if next == end && line > d.starts[0] {
		// The last line has no break of its own. So the break of the line before is removed,
		// and the file ends as before.
		i := len(d.starts) - 1
		for d.starts[i] > line {
			i--
		}
		line = d.eol(d.starts[i-1])
	}
	return []Splice{{line, next, ""}}, nil
}

// passOwn goes over the comment lines that follow at once and are indented deeper
// than the key, of this column.
func (d *document) passOwn(at, column int) int {
	for at < len(d.text) {
		next := at + breakLen(d.text[at:])
		line := d.rest(min(next, len(d.text)))
		if trimmed := strings.TrimLeft(line, " \t"); trimmed == "" || trimmed[0] != '#' || margin(line) < column {
			break
		}
		at = d.eol(next)
	}
	return at
}

// removeFlow cuts an entry and an adjacent comma out of brackets.
func (d *document) removeFlow(s step) ([]Splice, error) {
	entries := s.in.Content
	start := d.offset(entries[s.key])
	_, end, err := d.span(entries[s.key+1])
	if err != nil {
		return nil, err
	}
	comma := d.skip(end, "")
	if comma >= len(d.text) || d.text[comma] != ',' {
		comma = -1
	}
	switch {
	case s.key+2 < len(entries):
		if comma < 0 {
			return nil, errSpan
		}
		end = comma + 1
		if next := d.skip(end, ""); d.lineOf(next) == d.lineOf(comma) {
			end = next
		} else {
			start, end = d.wholeLine(start, end)
		}
	case s.key > 0:
		// The last one goes with the comma before it, unless a comment stands
		// behind that: then with its own, if it has one.
		_, before, err := d.span(entries[s.key-1])
		if err != nil {
			return nil, err
		}
		if !strings.Contains(string(d.text[before:start]), "#") {
			start = before
			break
		}
		if comma >= 0 && !strings.Contains(string(d.text[end:comma]), "#") {
			end = comma + 1
		}
		start, end = d.wholeLine(start, end)
	default:
		if comma >= 0 && !strings.Contains(string(d.text[end:comma]), "#") {
			end = comma + 1
		}
	}
	return []Splice{{start, end, ""}}, nil
}

// wholeLine widens a cut to the lines that it would leave empty.
func (d *document) wholeLine(start, end int) (int, int) {
	line := d.lineOf(start)
	if strings.Trim(string(d.text[line:start]), " ") != "" || strings.Trim(d.rest(end), " \t") != "" {
		return start, end
	}
	end = d.eol(end)
	return line, end + breakLen(d.text[end:])
}
