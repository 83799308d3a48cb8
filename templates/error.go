package templates

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

// An Error is something wrong in a template, found when it was parsed or rendered.
type Error struct {
	Place   Place
	Message string
}

// Error is file:line:column: message.
func (e *Error) Error() string { return e.Place.String() + ": " + e.Message }

// located takes a message of text/template apart: file, line, offset in that line if known,
// the executed action, the error.
var located = regexp.MustCompile(`(?s)^template: ([^:]+):(\d+)(?::(\d+))?: (?:executing ".*?" at (<.*?>): )?(.*)$`)

// unparsed is an error in the grammar of a file.
func unparsed(src *source, err error) error {
	return place(map[string]*source{src.name: src}, err.Error())
}

// failed is an error in the execution of a template. It doesn't keep a function's error,
// which may show a secret; redact removes that.
func (c *compiled) failed(err error, redact func(string) string) error {
	text := err.Error()
	if redact != nil {
		text = redact(text)
	}
	var exec template.ExecError
	if !errors.As(err, &exec) {
		return errors.New("rendering: " + text)
	}
	return place(c.sources, text)
}

func place(sources map[string]*source, text string) error {
	m := located.FindStringSubmatch(text)
	if m == nil || sources[m[1]] == nil {
		return errors.New(text)
	}
	src := sources[m[1]]
	line, _ := strconv.Atoi(m[2])
	offset, _ := strconv.Atoi(m[3]) // of bytes, from 0
	start := 0
	for range line - 1 {
		i := strings.IndexByte(src.text[start:], '\n')
		if i < 0 {
			break
		}
		start += i + 1
	}
	e := &Error{Place: src.place(start + offset), Message: m[5]}
	// "error calling var: " says what the place says already.
	if _, why, ok := strings.Cut(m[5], "error calling "); ok && m[4] != "" {
		e.Message = strings.TrimPrefix(why, "Refuse: ") // see Data.Refuse
	} else if m[4] != "" {
		e.Message = m[4] + ": " + m[5]
	}
	return e
}
