package kickstart

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxSize bounds a Kickstart: 4 MiB. Parsed, a file of many short lines takes about a
// hundred times its size.
const MaxSize = 4 << 20

// Parse reads a Kickstart. The name is used in messages. The error, if any, is a *Problem:
// the structure of the file is broken (an open quote or section, an unknown section, text
// that isn't UTF-8). The File then has the part before the error. A file without an error
// may still be wrong: see Check and, for the image engine, engine.Check.
//
// It accepts each section that a release knows. ParseFor reads as one release does.
func Parse(name string, text []byte) (*File, error) { return parse(name, text, anyDialect()) }

// ParseFor is Parse by the rules of one release: the sections, the line ends and the
// blanks differ. With an unknown release it is Parse.
func ParseFor(name string, text []byte, r Release) (*File, error) {
	return parse(name, text, dialectOf(r))
}

func parse(name string, text []byte, d dialect) (*File, error) {
	p := &parser{file: &File{Name: name}, dialect: d}
	if len(text) > MaxSize {
		return p.file, p.fail(Pos{1, 1}, "", "the file is larger than 4 MiB")
	}
	if !d.bytes && !utf8.Valid(text) {
		return p.file, p.fail(badByte(text), "save it as UTF-8", "the file is not UTF-8")
	}
	p.lines = d.splitLines(string(text))
	for p.at < len(p.lines) {
		if err := p.line(); err != nil {
			return p.file, err
		}
	}
	switch {
	case len(text) == 0 && !d.emptyOK,
		len(text) > 0 && !d.blankOK && strings.TrimFunc(string(text), d.isSpace) == "":
		return p.file, p.fail(Pos{1, 1}, "", "the file is empty")
	}
	return p.file, nil
}

type parser struct {
	dialect
	file  *File
	lines []string
	at    int // index of the next line

	backslash int // the last command's line that ends with one
}

func (p *parser) fail(at Pos, hint, message string) error {
	return &Problem{File: p.file.Name, Pos: at, Message: message, Hint: hint}
}

// next takes the next line, with its line end as \n, and gives its number.
func (p *parser) next() (string, int) {
	s := p.lines[p.at]
	p.at++
	if body, cut := strings.CutSuffix(strings.TrimSuffix(s, "\n"), "\r"); cut {
		s = body + "\n"
	}
	return s, p.at
}

func (p *parser) line() error {
	line, number := p.next()
	if rest := strings.TrimLeftFunc(line, p.isSpace); rest == "" || rest[0] == '#' {
		return nil
	}
	words, at, err := splitWords(line, number, true)
	if err != nil {
		return p.fail(at, "a quote ends on its line; there are no continuation lines", err.Error())
	}
	first := words[0]
	switch {
	case first.Text == "":
		return p.fail(first.Pos, "", "the command's name is empty")
	case first.Text == "%include" || first.Text == "%ksappend":
		if len(words) < 2 || words[1].Text == "" {
			return p.fail(first.Pos, "", first.Text+" needs a path or URL")
		}
	case first.Text[0] == '%':
		return p.section(words)
	}
	p.file.Commands = append(p.file.Commands, &Command{
		Name: first.Text, Pos: first.Pos, Words: words[1:], Line: line,
		Continued: p.backslash > 0 && p.backslash == number-1,
	})
	if strings.HasSuffix(line, "\\\n") {
		p.backslash = number
	}
	return nil
}

func (p *parser) section(words []Word) error {
	head := words[0]
	if !p.isSection(head.Text) {
		if head.Text == "%end" {
			return p.fail(head.Pos, "", "%end without a section")
		}
		hint := sectionElsewhere(head.Text)
		if hint == "" {
			hint = DidYouMean(head.Text, p.sections)
		}
		return p.fail(head.Pos, hint, "unknown section "+Clip(head.Text))
	}
	s := &Section{Name: head.Text, Pos: head.Pos, Words: words[1:], BodyLine: p.at + 1}
	var body strings.Builder
	for p.at < len(p.lines) {
		raw := p.lines[p.at]
		line, number := p.next()
		word, at := p.firstField(line, number)
		if word != "%end" && word != "%include" && !p.isSection(word) {
			body.WriteString(raw)
			continue
		}
		// These are read in scripts, too, regardless of the script's language.
		words, quote, err := splitWords(line, number, false)
		switch {
		case err != nil:
			return p.fail(quote, "", err.Error())
		case words[0].Text != word: // another blank than a shell's stands before it
			body.WriteString(raw)
		case word == "%end":
			s.Body = body.String()
			p.file.Sections = append(p.file.Sections, s)
			return nil
		case word != "%include":
			return p.fail(at, "close it with %end first; sections do not nest",
				word+" inside "+s.Name+" of line "+strconv.Itoa(s.Pos.Line))
		case len(words) < 2 || words[1].Text == "":
			return p.fail(at, "", "%include needs a path or URL")
		default:
			body.WriteString(raw)
		}
	}
	return p.fail(s.Pos, "add a line %end", s.Name+" has no %end")
}

// badByte is the place of the first byte that is not UTF-8.
func badByte(text []byte) Pos {
	good := 0
	for good < len(text) {
		r, size := utf8.DecodeRune(text[good:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		good += size
	}
	// Something stands in for the byte, so that a line end before it counts.
	lines := SplitLines(string(text[:good]) + "?")
	return Pos{len(lines), utf8.RuneCountInString(lines[len(lines)-1])}
}
