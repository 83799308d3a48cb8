// Package edit changes parts of texts: a line, a block between markers, a key of an INI file,
// a key in authorized_keys. Its functions are pure. What an edit doesn't name stays byte for
// byte, with the file's kind of line ends (LF or CRLF) and with or without one at its end.
package edit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// A row is a line of a text, and how it ends: "\n", "\r\n", or "" at the end of the text.
type row struct{ text, end string }

// A document is a text as its lines.
type document struct {
	rows []row
	end  string // how its lines end
}

func split(text []byte) *document {
	d := &document{end: "\n"}
	for line := range strings.Lines(string(text)) {
		r := row{text: line}
		for _, end := range []string{"\r\n", "\n"} {
			if body, ok := strings.CutSuffix(line, end); ok {
				r = row{body, end}
				break
			}
		}
		d.rows = append(d.rows, r)
	}
	if len(d.rows) > 0 && d.rows[0].end != "" {
		d.end = d.rows[0].end
	}
	return d
}

func (d *document) bytes() []byte {
	var out []byte
	for _, r := range d.rows {
		out = append(append(out, r.text...), r.end...)
	}
	return out
}

// replace puts lines in the place of those from i to j, without j.
func (d *document) replace(i, j int, lines ...string) {
	rows := slices.Clone(d.rows[:i])
	for k, line := range lines {
		end := d.end
		if i+k < j {
			end = d.rows[i+k].end
		}
		rows = append(rows, row{line, end})
	}
	d.set(append(rows, d.rows[j:]...))
}

func (d *document) insert(i int, lines ...string) { d.replace(i, i, lines...) }

// remove removes lines, in ascending order.
func (d *document) remove(at ...int) {
	var rows []row
	for i, r := range d.rows {
		if len(at) > 0 && at[0] == i {
			at = at[1:]
			continue
		}
		rows = append(rows, r)
	}
	d.set(rows)
}

// set changes the lines. A text whose last line has no end keeps that.
func (d *document) set(rows []row) {
	open := len(d.rows) > 0 && d.rows[len(d.rows)-1].end == ""
	d.rows = rows
	for k := range rows {
		if rows[k].end == "" {
			rows[k].end = d.end
		}
	}
	if n := len(rows); open && n > 0 && rows[n-1].text != "" { // an empty line without an end is none
		rows[n-1].end = ""
	}
}

// fits reports an error if a line would be written so often that the text gets too large.
func fits(times int, line string) error {
	if times*len(line) > catalog.MaxEdited {
		return fmt.Errorf("with the new line in %d places, the file would have more than %d bytes", times, catalog.MaxEdited)
	}
	return nil
}

// find lists the lines for which a condition holds.
func (d *document) find(is func(text string) bool) (at []int) {
	for i, r := range d.rows {
		if is(r.text) {
			at = append(at, i)
		}
	}
	return at
}

// place is where a new line goes: behind the last one that matches after, before the first
// one that matches before, otherwise to the end.
func (d *document) place(after, before string) (int, error) {
	for _, pattern := range []string{after, before} {
		if pattern == "" {
			continue
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return 0, err
		}
		if at := d.find(re.MatchString); len(at) > 0 {
			if pattern == after {
				return at[len(at)-1] + 1, nil
			}
			return at[0], nil
		}
	}
	return len(d.rows), nil
}

// numbers names lines as people count them.
func numbers(at []int) string {
	var out []string
	for i, n := range at {
		if i == 5 {
			out = append(out, fmt.Sprintf("%d more", len(at)-i))
			break
		}
		out = append(out, fmt.Sprint(n+1))
	}
	if len(out) == 1 {
		return "line " + out[0]
	}
	return "lines " + strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
}
