package schema

import (
	"regexp"
	"strings"
)

// A mistake is a syntax error whose cause shows in the lines around it.
type mistake struct {
	line, column  int
	message, hint string
}

var (
	conflictMark = regexp.MustCompile(`^(<{7}|\|{7}|={7}|>{7})( |$)`)
	gluedColon   = regexp.MustCompile(`^( *(?:- )?[A-Za-z][\w.-]*:)[^ \t:/]`)
	keyAndValue  = regexp.MustCompile(`^ *(?:- )?[\w."'-]+: +[^ #]`)
	blockMark    = regexp.MustCompile(`: [|>][^ ]* +[^ #]`)
)

// recognise looks for the cause of a syntax error that was noticed in a line, from 1; nil
// without one of the usual causes.
func (f *File) recognise(line int, message string) *mistake {
	for i, text := range f.lines {
		if conflictMark.MatchString(text) {
			return &mistake{i + 1, 1, "a merge conflict that isn't settled", "choose one side, and remove the lines with <<<<<<<, ======= and >>>>>>>"}
		}
	}
	src := f.lines[line-1]
	at := func(i int, message, hint string) *mistake {
		return &mistake{line, len([]rune(src[:i])) + 1, message, hint}
	}
	said := func(part string) bool { return strings.Contains(message, part) }
	switch {
	case said("mapping values are not allowed"):
		return f.misplacedKey(line)
	case said("alphabetic or numeric character"):
		if i := strings.IndexAny(src, "*&"); i >= 0 {
			return at(i, "a value can't begin with this character", "quote a text that begins with "+src[i:i+1])
		}
	case said("mapping keys are not allowed"):
		if i := strings.Index(src, "? "); i >= 0 {
			return at(i, "a value can't begin with this character", "quote a text that begins with ?")
		}
	case said("expected comment or line break"):
		if m := blockMark.FindStringIndex(src); m != nil {
			return at(m[0]+2, "text on the line of a | or >", "begin the text on the next line, indented; quote a text that begins with | or >")
		}
	case said("did not find expected key"), said("expected <document start>"):
		if i := afterQuote(src); i >= 0 {
			return at(i, "text after a closing quote", "quote the whole text; a ' within single quotes is written twice, and a \" within double quotes as \\\"")
		}
		if i := extraBracket(src); i >= 0 {
			return at(i, "a closing bracket too many", "remove it, or open it before")
		}
	}
	return nil
}

// misplacedKey explains why a "key:" stands where only a value can: the line before
// has a colon without its space, or is indented less.
func (f *File) misplacedKey(line int) *mistake {
	before := line - 1
	for before > 0 && strings.TrimSpace(f.lines[before-1]) == "" {
		before--
	}
	if before == 0 {
		return nil
	}
	last, src := f.lines[before-1], f.lines[line-1]
	if m := gluedColon.FindStringSubmatch(last); m != nil && !strings.Contains(last, ": ") {
		return &mistake{before, len(m[1]) + 1, "a colon without a space after it", "write key: value"}
	}
	if indent := indentOf(src); keyAndValue.MatchString(last) && indent > indentOf(last) {
		return &mistake{line, indent + 1, "this line is indented deeper than the one before it, which has its value already", "begin both in one column"}
	}
	return nil
}

// afterQuote finds what follows a quoted value in its line, as a byte's place;
// -1 when nothing does.
func afterQuote(src string) int {
	_, rest, ok := strings.Cut(src, ": ")
	begin := len(src) - len(rest)
	trimmed := strings.TrimLeft(rest, " ")
	begin += len(rest) - len(trimmed)
	if !ok || trimmed == "" || trimmed[0] != '\'' && trimmed[0] != '"' {
		return -1
	}
	for i := 1; i < len(trimmed); i++ {
		switch {
		case trimmed[i] == '\\' && trimmed[0] == '"':
			i++
		case trimmed[i] != trimmed[0]:
		case trimmed[0] == '\'' && i+1 < len(trimmed) && trimmed[i+1] == '\'':
			i++
		default:
			after := strings.TrimLeft(trimmed[i+1:], " ")
			if after == "" || after[0] == '#' {
				return -1
			}
			return begin + len(trimmed) - len(after)
		}
	}
	return -1
}

// extraBracket finds a closing bracket that nothing in its line opens; -1 without
// one.
func extraBracket(src string) int {
	open := 0
	var quote rune
	for i, r := range src {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '{' || r == '[':
			open++
		case r == '}' || r == ']':
			if open--; open < 0 {
				return i
			}
		}
	}
	return -1
}
