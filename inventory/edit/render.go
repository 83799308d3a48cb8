package edit

import "strings"

// flowEntry writes key: value on one line, for a mapping in brackets.
func (s style) flowEntry(f Field) string { return formatKey(f.Key) + ": " + s.flowValue(f, true) }

// flowValue writes a value on one line. within: it stands in brackets itself.
func (s style) flowValue(f Field, within bool) string {
	switch {
	case f.Fields != nil:
		parts := make([]string, len(f.Fields))
		for i, c := range f.Fields {
			parts[i] = s.flowEntry(c)
		}
		return s.brackets("{", parts, "}")
	case len(f.Values) == 1:
		return formatText(f.Values[0], within)
	}
	return s.flowList(f.Values)
}

func (s style) flowList(values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = formatText(v, true)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (s style) brackets(open string, parts []string, end string) string {
	pad := ""
	if s.padded && len(parts) > 0 {
		pad = " "
	}
	return open + pad + strings.Join(parts, ", ") + pad + end
}

// blockEntry writes an entry of a block, without the last line's break. A mapping
// in it is a block too unless the style says brackets; deep down they are in
// brackets, as people write rack: {name: r1, unit: 12}.
func (s style) blockEntry(f Field) string {
	lead := strings.Repeat(" ", s.indent) + formatKey(f.Key) + ":"
	if f.Fields == nil || s.flow {
		return lead + " " + s.flowValue(f, false)
	}
	lines := []string{lead}
	inner := s
	inner.indent += s.step
	inner.blocks--
	inner.flow = inner.blocks <= 0
	for _, c := range f.Fields {
		lines = append(lines, inner.blockEntry(c))
	}
	return strings.Join(lines, s.newline)
}
