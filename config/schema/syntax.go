package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"rackhand/config/problem"
)

// maxSearch bounds how many bytes are parsed again to find the line of a syntax
// error.
const maxSearch = 8 << 20

var (
	statedLine = regexp.MustCompile(`^line (\d+): `)
	bareWord   = regexp.MustCompile(`^ *[\w.-]+\s*$`)
	// bareBrackets is a text such as service[nginx] or ${host.name} without quotes.
	bareBrackets = regexp.MustCompile(`[:\[,{] *(?:[A-Za-z_]+\[|\$\{)[^\[\]{}"',]*[\]}]`)
)

// syntax reports a syntax error at the line that breaks the file, in the words
// of someone who writes YAML.
func (f *File) syntax(text string, fail *failure) {
	message := strings.TrimPrefix(fail.message, "yaml: ")
	stated := 0
	if m := statedLine.FindStringSubmatch(message); m != nil {
		stated, _ = strconv.Atoi(m[1])
		message = strings.TrimPrefix(message, m[0])
	}
	line := f.breakingLine(text, fail.read, stated)
	at := problem.Place{File: f.name, Line: line, Column: 1}
	src := f.lines[line-1]
	indent := src[:len(src)-len(strings.TrimLeft(src, " \t"))]
	at.Column = len(indent) + 1

	if tab := strings.IndexByte(indent, '\t'); tab >= 0 || strings.Contains(message, "found a tab character") {
		at.Column = max(tab, 0) + 1
		f.list.Addf(at, "indent with spaces, two for each level", "a tab is used for indentation")
		return
	}
	if m := f.recognise(line, message); m != nil {
		at.Line, at.Column = m.line, m.column
		f.list.Addf(at, m.hint, "%s", m.message)
		return
	}
	f.explainSyntax(text, fail.read, message, at)
}

// explainSyntax adds a problem at a place that says in plain words what the YAML parser's
// message means there. read is how much of the text the parser had read.
func (f *File) explainSyntax(text string, read int, message string, at problem.Place) {
	src := f.lines[at.Line-1]
	column := func(byteAt int) int { return len([]rune(src[:byteAt])) + 1 }
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		if at.Line > 1 && bareWord.MatchString(f.lines[at.Line-2]) {
			// The line before was meant as the key that this one belongs to.
			before := f.lines[at.Line-2]
			at.Line--
			at.Column = len(before) - len(strings.TrimLeft(before, " ")) + 1
			f.list.Addf(at, "end it with a colon", "a key without a colon")
			return
		}
		if i := strings.LastIndex(src+" ", ": "); i >= 0 {
			at.Column = column(i)
		}
		f.list.Addf(at, "quote a text that holds \": \"; or mend the indentation: keys of one mapping begin in one column",
			"a second \"key:\" where only a value can stand")
	case strings.Contains(message, "could not find expected ':'"):
		f.list.Addf(at, "write key: value, or - value in a list", "a key without a colon")
	case strings.Contains(message, "unknown anchor"):
		if i := strings.IndexByte(src, '*'); i >= 0 {
			at.Column = column(i)
		}
		f.list.Addf(at, "quote a text that begins with *", "a value that begins with * is an alias, which is not supported")
	case strings.Contains(message, "did not find expected ',' or"),
		strings.Contains(message, "expected node content") && strings.ContainsAny(src, "[{"):
		if i := strings.LastIndexAny(src, "[{"); i >= 0 {
			at.Column = column(i)
		}
		hint := "close [ with ] and { with }, and put a comma between two entries"
		if near := f.lineAt(text, read); near > at.Line+1 && near < len(f.lines)-1 {
			hint += fmt.Sprintf("; it was noticed near line %d", near)
		}
		if bareBrackets.MatchString(src) { // not shown: it may be a secret
			hint = `quote a text that has brackets, such as "service[nginx]" or "${host.name}"; ` + hint
		}
		f.list.Addf(at, hint,
			"a list or mapping in brackets is not closed, or lacks a comma")
	case strings.Contains(message, "found unexpected end of stream"):
		if i := strings.IndexAny(src, `"'`); i >= 0 {
			at.Column = column(i)
		}
		f.list.Addf(at, "put the closing quote", "a quoted text is not closed")
	case strings.Contains(message, "cannot start any token"):
		if i := strings.IndexAny(src, "@`%\t"); i >= 0 {
			at.Column = column(i)
		}
		f.list.Addf(at, "quote a text that begins with such a character", "a value can't begin with this character")
	case strings.Contains(message, "did not find expected key"), strings.Contains(message, "expected '-' indicator"):
		f.list.Addf(at, "keys of one mapping, and the dashes of one list, begin in one column; quotes around a value must hold all of it",
			"this line doesn't fit the mapping or list before it")
	case strings.Contains(message, "sequence entries are not allowed"):
		f.list.Addf(at, "begin the list on a line of its own, below its key", "a list entry can't begin here")
	case strings.Contains(message, "exceeded max depth"):
		f.list.Addf(at, "nothing here needs more than a few levels", "the file is nested too deep")
	case strings.Contains(message, "unknown escape"):
		if i := strings.IndexByte(src, '\\'); i >= 0 {
			at.Column = column(i)
		}
		f.list.Addf(at, "in double quotes write \\\\ for a backslash, or use single quotes", "an unknown escape in a quoted text")
	case strings.Contains(message, "expected node content"):
		f.list.Addf(at, "look for a comma or bracket too many", "a value is missing here")
	default:
		f.list.Addf(at, "quote texts that hold other signs than letters, digits and .-_/", "not YAML: %s", problem.Printable(message))
	}
}

// lineAt is the line, from 1, of a text's byte.
func (f *File) lineAt(text string, at int) int {
	return min(len(splitLines(text[:at])), len(f.lines))
}

// breakingLine finds the line that breaks a text: the one after the longest
// beginning that parses. The search goes down from where the parser stopped; a
// file so big that it takes too long gets the line that yaml.v3 states.
func (f *File) breakingLine(text string, read, stated int) int {
	line := f.lineAt(text, read)
	stated = min(max(stated, 1), len(f.lines))
	// Trailing empty lines break nothing.
	for line > 1 && strings.TrimSpace(f.lines[line-1]) == "" {
		line--
	}
	for cost := 0; line > 1; line-- {
		before := strings.Join(f.lines[:line-1], "\n") + "\n"
		if cost += len(before); cost > maxSearch {
			return stated
		}
		if _, fail := parseAll(before); fail == nil {
			return line
		}
	}
	return 1
}
