package templates

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"rackhand/config/schema"
)

// A source is the text of a template's file.
type source struct {
	name    string
	text    string
	builtin bool
}

// file is its name in messages.
func (s *source) file() string {
	if s.builtin {
		return s.name + " (built in)"
	}
	return "templates/" + s.name
}

// place is where a byte of the text stands.
func (s *source) place(offset int) Place {
	offset = min(max(offset, 0), len(s.text))
	before := s.text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return Place{
		File: s.file(), Builtin: s.builtin, Line: strings.Count(before, "\n") + 1, Col: utf8.RuneCountInString(before[start:]) + 1,
		Text: lineAt(s.text, start),
	}
}

// plainText is a template's text without what an editor of another system leaves in
// it: a byte-order mark, and a CR before each line feed, which a shell takes for a part
// of the line. A CR that is wanted is written {{ "\r" }}.
func plainText(s string) string {
	return strings.ReplaceAll(strings.TrimPrefix(s, "\ufeff"), "\r\n", "\n")
}

// lineAt is the line of a text that begins at an offset.
func lineAt(text string, start int) string {
	line, _, _ := strings.Cut(text[start:], "\n")
	return line
}

// A Place is a place in a template's file.
type Place struct {
	File    string // templates/web.ks, or base.ks (built in)
	Builtin bool
	// Line and Col count from 1, the column in characters. Both are 0 where no
	// place is known.
	Line, Col int
	Text      string // the line, as the template has it
}

// String is file:line:column.
func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// readBounded reads a regular file of at most maxTemplate bytes.
func readBounded(path string) ([]byte, error) {
	b, err := schema.ReadFile(path, maxTemplate)
	if err == nil && len(b) > maxTemplate {
		err = fmt.Errorf("larger than %d bytes", maxTemplate)
	}
	return b, err
}

// frozen keeps templates that were parsed and files that were read, and what was wrong
// with them.
type frozen struct {
	templates once[*compiled]
	files     once[string]
}

// once keeps what was made for each name, or why it couldn't be.
type once[T any] struct {
	mu    sync.Mutex
	known map[string]outcome[T]
}

type outcome[T any] struct {
	value T
	err   error
}

func (o *once[T]) get(name string, get func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out, ok := o.known[name]
	if !ok {
		if o.known == nil {
			o.known = map[string]outcome[T]{}
		}
		out.value, out.err = get()
		o.known[name] = out
	}
	return out.value, out.err
}

// A Map leads from a rendered text back to the templates that it came from.
type Map struct {
	text   string
	pieces []piece
}

// A piece is the output of one template node, from an offset of the text on.
type piece struct {
	from int
	origin
}

// An origin is the node that writes: literal text, or the value of an action.
type origin struct {
	src     *source
	offset  int
	literal bool
	marker  bool
	step    bool // of a marker that only counts
	weight  int  // how many steps it is; 0: one
}

// At is the place in a template that wrote the text at a line and column of the rendered
// text, both from 1, the column in characters. Text of a template has its own place; a value
// has the place of its {{ }}.
func (m *Map) At(line, col int) Place {
	start := 0
	for range line - 1 {
		i := strings.IndexByte(m.text[start:], '\n')
		if i < 0 {
			break
		}
		start += i + 1
	}
	at := start
	for range col - 1 {
		if at >= len(m.text) || m.text[at] == '\n' {
			break
		}
		_, size := utf8.DecodeRuneInString(m.text[at:])
		at += size
	}
	i := sort.Search(len(m.pieces), func(i int) bool { return m.pieces[i].from > at }) - 1
	if i < 0 {
		return Place{}
	}
	p := m.pieces[i]
	if !p.literal {
		return p.src.place(p.offset)
	}
	return p.src.place(p.offset + at - p.from)
}
