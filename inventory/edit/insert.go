package edit

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// insert splices a new entry into the mapping at which the walk ended.
func (d *document) insert(w *walk, f Field) ([]Splice, error) {
	n := w.value
	switch {
	case n == nil || len(w.steps) == 0 && isNull(n):
		if n != nil && n.Value != "" {
			return nil, refuse("", "the file holds nothing but %s", n.Value)
		}
		return d.append(d.style(nil, 0), f), nil
	case isNull(n) && w.flow:
		// {web: } and {web}: the value is where the parser says that it is missing.
		start, end, err := d.span(n)
		if err != nil {
			return nil, err
		}
		s := d.style(nil, 0)
		return []Splice{{start, end, d.before(start) + s.brackets("{", []string{s.flowEntry(f)}, "}")}}, nil
	case isNull(n):
		return d.open(w, f)
	case n.Style&yaml.FlowStyle != 0:
		return d.insertFlow(w, f)
	}
	s := d.style(n, len(w.steps))
	if len(w.steps) == 0 {
		splices := d.append(s, f)
		if d.spaced(n) {
			splices[0].Text = s.newline + splices[0].Text
		}
		return splices, nil
	}
	_, end, err := d.span(n)
	if err != nil {
		return nil, err
	}
	if !blank(d.rest(end)) {
		return nil, errSpan
	}
	at := d.passComments(d.eol(end), s.indent)
	text := s.newline + s.blockEntry(f)
	if d.spaced(n) {
		text = s.newline + text
	}
	return []Splice{{at, at, text}}, nil
}

// before is the space that a value needs after what stands before it.
func (d *document) before(at int) string {
	if at == 0 || d.text[at-1] == ' ' {
		return ""
	}
	if d.text[at-1] != ':' {
		return ": " // {web}
	}
	return " "
}

// append writes an entry of the root at the end of the file, behind the last line
// that holds anything.
func (d *document) append(s style, f Field) []Splice {
	at := len(d.text)
	for at > d.starts[0] && isBlankByte(d.text[at-1]) {
		at--
	}
	text := s.blockEntry(f)
	if at > d.starts[0] {
		at = d.eol(at)
		text = s.newline + text
	}
	if at >= len(d.text) && (at == d.starts[0]) {
		text += s.newline // a new file ends its last line
	}
	return []Splice{{at, at, text}}
}

func isBlankByte(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// open begins a block under a key that has no value yet, or an empty pair of
// brackets: hosts:, hosts: ~ and hosts: {}.
func (d *document) open(w *walk, f Field) ([]Splice, error) {
	last := w.steps[len(w.steps)-1]
	key := last.in.Content[last.key]
	_, keyEnd, err := d.span(key)
	if err != nil {
		return nil, err
	}
	start, end, err := d.span(w.value)
	if err != nil {
		return nil, err
	}
	colon := d.skip(keyEnd, "")
	if colon >= len(d.text) || d.text[colon] != ':' || start < colon+1 || d.lineOf(start) != d.lineOf(colon) || !blank(d.rest(end)) {
		return nil, errSpan
	}
	var splices []Splice
	if end > start {
		splices = append(splices, Splice{colon + 1, end, ""})
	}
	s := d.style(nil, len(w.steps))
	outer := key.Column - 1
	s.indent = outer + s.step
	at := d.passComments(d.eol(end), outer+1)
	return append(splices, Splice{at, at, s.newline + s.blockEntry(f)}), nil
}

// insertFlow adds to a mapping in brackets.
func (d *document) insertFlow(w *walk, f Field) ([]Splice, error) {
	n := w.value
	start, end, err := d.span(n)
	if err != nil {
		return nil, err
	}
	if start >= len(d.text) || d.text[start] != '{' {
		return nil, errSpan
	}
	s := d.style(n, 0)
	if len(n.Content) > 0 {
		_, at, err := d.span(n.Content[len(n.Content)-1])
		if err != nil {
			return nil, err
		}
		sep := ", "
		// One entry a line stays one a line, unless a comment would then move.
		if key := n.Content[len(n.Content)-2]; margin(d.lineText(d.offset(key))) == key.Column-1 && key.Line > n.Line && !strings.Contains(d.rest(at), "#") {
			sep = "," + s.newline + strings.Repeat(" ", key.Column-1)
		}
		return []Splice{{at, at, sep + s.flowEntry(f)}}, nil
	}
	// An empty one becomes a block where a block can stand.
	if !d.insideFlow(w) && len(w.steps) > 0 && strings.Trim(string(d.text[start+1:end-1]), " ") == "" {
		if splices, err := d.open(w, f); err == nil {
			return splices, nil
		}
	}
	return []Splice{{start + 1, start + 1, s.flowEntry(f)}}, nil
}

// insideFlow reports whether a mapping around the walk's value is in brackets.
func (d *document) insideFlow(w *walk) bool {
	for _, s := range w.steps {
		if s.in.Style&yaml.FlowStyle != 0 {
			return true
		}
	}
	return false
}

func (d *document) lineText(at int) string { return d.rest(d.lineOf(at)) }

// passComments goes from the end of a line over comment lines that are indented
// by at least so much: they belong to what stands above. Blank lines between them
// are passed, those behind them aren't.
func (d *document) passComments(at, indent int) int {
	for probe := at; probe < len(d.text); {
		next := probe + breakLen(d.text[probe:])
		if next >= len(d.text) || next == probe {
			break
		}
		line := d.rest(next)
		trimmed := strings.TrimLeft(line, " \t")
		if trimmed != "" && (trimmed[0] != '#' || margin(line) < indent) {
			break
		}
		probe = d.eol(next)
		if trimmed != "" {
			at = probe
		}
	}
	return at
}

// spaced reports whether a blank line stands between the last two entries.
func (d *document) spaced(n *yaml.Node) bool {
	if len(n.Content) < 4 {
		return false
	}
	_, end, err := d.span(n.Content[len(n.Content)-3])
	if err != nil {
		return false
	}
	start := d.offset(n.Content[len(n.Content)-2])
	for at := d.eol(end); at < start; at = d.eol(at) {
		at += breakLen(d.text[at:])
		if at < start && strings.Trim(d.rest(at), " \t") == "" {
			return true
		}
	}
	return false
}
