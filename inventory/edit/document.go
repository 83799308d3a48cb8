package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"rackhand/config/schema"
)

// A document is a file's text with the tree that stands in it.
type document struct {
	text    []byte
	starts  []int // where each line starts
	newline string
	root    *yaml.Node // nil when there is nothing but comments
	shared  map[string]bool
}

// parse reads a file of one YAML document at most.
func parse(data []byte) (*document, error) {
	if len(data) > schema.MaxSize {
		return nil, refuse("split it into several files; all of them are read", "the file is bigger than %d KiB", schema.MaxSize>>10)
	}
	if !utf8.Valid(data) {
		return nil, refuse("save it as UTF-8", "the file is not UTF-8")
	}
	docs, err := decode(data)
	if err != nil {
		return nil, refuse("mend it first: `rackhand check` shows where", "the file can't be read: %v", err)
	}
	if len(docs) > 1 {
		return nil, refuse("remove the ---, or put what follows into a file of its own", "the file holds several documents; a second one begins at line %d", docs[1].Line)
	}
	d := &document{text: data, newline: "\n", shared: map[string]bool{}}
	d.findLines()
	if len(docs) == 1 && len(docs[0].Content) == 1 {
		d.root = docs[0].Content[0]
	}
	if d.root != nil {
		d.findShared(d.root)
	}
	return d, nil
}

// decode parses two documents at most. yaml.v3 panics on some inputs that it calls
// impossible.
func decode(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			docs, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for len(docs) < 2 {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, &doc)
	}
	return docs, nil
}

// findLines notes where lines start, and how they end. YAML ends them by CR LF,
// LF, CR, NEL, LS and PS, and so does yaml.v3 when it counts. A byte order mark
// takes no column.
func (d *document) findLines() {
	at := 0
	if bytes.HasPrefix(d.text, []byte("\ufeff")) {
		at = 3
	}
	d.starts = []int{at}
	for at < len(d.text) {
		n := breakLen(d.text[at:])
		if n == 0 {
			at++
			continue
		}
		if len(d.starts) == 1 && n == 2 && d.text[at] == '\r' {
			d.newline = "\r\n"
		}
		at += n
		d.starts = append(d.starts, at)
	}
}

// breakLen is the length in bytes of the line break at the front; 0 without one.
func breakLen(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '\n':
		return 1
	case b[0] == '\r':
		if len(b) > 1 && b[1] == '\n' {
			return 2
		}
		return 1
	case bytes.HasPrefix(b, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(b, []byte("\u2028")), bytes.HasPrefix(b, []byte("\u2029")):
		return 3
	}
	return 0
}

// findShared notes the anchors that an alias refers to.
func (d *document) findShared(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		d.shared[n.Value] = true
		return
	}
	for _, c := range n.Content {
		d.findShared(c)
	}
}

// offset is where a node starts, in bytes; yaml.v3 counts columns in characters.
func (d *document) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(d.starts) {
		return len(d.text)
	}
	at := d.starts[n.Line-1]
	for range n.Column - 1 {
		if at >= len(d.text) {
			break
		}
		_, size := utf8.DecodeRune(d.text[at:])
		at += size
	}
	return at
}

// lineOf is where the line starts that a byte stands on.
func (d *document) lineOf(at int) int {
	start := d.starts[0]
	for lo, hi := 0, len(d.starts); lo < hi; {
		mid := (lo + hi) / 2
		if d.starts[mid] <= at {
			start, lo = d.starts[mid], mid+1
		} else {
			hi = mid
		}
	}
	return start
}

// eol is where the line of a byte ends, before its break.
func (d *document) eol(at int) int {
	for at < len(d.text) && breakLen(d.text[at:]) == 0 {
		at++
	}
	return at
}

// rest is the text from a byte to the end of its line.
func (d *document) rest(at int) string { return string(d.text[at:d.eol(at)]) }

// blank reports whether a text is nothing but spaces and a comment.
func blank(s string) bool {
	s = strings.TrimLeft(s, " \t")
	return s == "" || s[0] == '#'
}

// margin is how far a line is indented.
func margin(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
