package schema

import (
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
)

// Parse reads the bytes of one file: at most one YAML document of mappings,
// lists and scalars, without anchors, aliases, merge keys, tags and duplicate
// keys. Problems go to list; ok is false when nothing can be read from the file.
// A file with nothing but comments is an empty mapping.
func Parse(name string, data []byte, list *problem.List) (root Node, ok bool) {
	f := &File{
		name: name, list: list, hidden: map[int]int{}, bad: map[*yaml.Node]bool{},
	}
	if len(data) > MaxSize {
		list.Addf(problem.Place{File: name}, "split it into several files; all of them are read",
			"the file is bigger than %d KiB", MaxSize>>10)
		return Node{}, false
	}
	text := string(trimBOM(data))
	f.lines = splitLines(text)
	list.Source(name, f.Line)
	if !f.checkText(text) {
		return Node{}, false
	}
	docs, fail := parseAll(text)
	if fail != nil {
		f.syntax(text, fail)
		return Node{}, false
	}
	if len(docs) > 1 {
		f.problem(docs[1], "one file holds one document: remove the ---, or put what follows into a file of its own",
			"a second document begins here")
	}
	empty := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	if len(docs) == 0 || len(docs[0].Content) != 1 {
		return Node{f, empty}, true
	}
	top := docs[0].Content[0]
	if isNull(top) {
		return Node{f, empty}, true
	}
	f.vet(top, 0)
	return Node{f, top}, true
}

// checkText finds bytes that aren't text: yaml.v3 reports these without a place.
func (f *File) checkText(text string) bool {
	for i, line := range f.lines {
		column := 0
		for at, r := range line {
			column++
			place := problem.Place{File: f.name, Line: i + 1, Column: column}
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRuneInString(line[at:]); size == 1 {
					f.list.Addf(place, "save the file as UTF-8", "the file is not UTF-8: byte 0x%02x", line[at])
					return false
				}
			}
			if r != '\t' && unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF || r == 0xFEFF {
				f.list.Addf(place, "remove it; in a quoted text write it as an escape such as \\x1b",
					"character U+%04X can't stand in a YAML file", r)
				return false
			}
		}
	}
	return true
}

// A failure is yaml.v3's error, and how far it had read.
type failure struct {
	message string
	read    int // bytes that it had taken
}

// parseAll parses every document of a text. yaml.v3 panics on some inputs that
// it calls impossible; a hostile file must not end the appliance, so that
// becomes a failure too.
func parseAll(text string) (docs []*yaml.Node, fail *failure) {
	src := &slowReader{text: text}
	defer func() {
		if r := recover(); r != nil {
			docs, fail = nil, &failure{message: fmt.Sprint(r), read: src.at}
		}
	}()
	dec := yaml.NewDecoder(src)
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, &failure{message: err.Error(), read: src.at}
		}
		docs = append(docs, &doc)
		if len(docs) > 1 {
			return docs, nil // one too many: the rest doesn't matter
		}
	}
}

// A slowReader gives one byte at a time, so that after a failure it is known how
// far the parser had come: its own messages often have the wrong line, or none.
type slowReader struct {
	text string
	at   int
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.at >= len(r.text) {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.text[r.at]
	r.at++
	return 1, nil
}

func trimBOM(data []byte) []byte {
	if len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF {
		return data[3:]
	}
	return data
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style == 0
}
