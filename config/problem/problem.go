// Package problem describes a problem in a file that the operator wrote: where,
// what, and what to do. It lies below inventory and config, which share it, and
// knows nothing of either.
package problem

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A Place is a position in a file. Line and Column count from 1, Column in
// characters; Line 0 means the whole file.
type Place struct {
	File         string
	Line, Column int
}

// String writes file:line:column, or the file alone when there is no line.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	// An inventory of 10,000 hosts has 200,000 of them.
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// A Problem is one thing that is wrong in a file.
type Problem struct {
	// File is the file's name; Line and Column count from 1, Column in
	// characters. Line is 0 when the problem is the file as a whole.
	File         string
	Line, Column int
	Message      string // the problem, in one line
	Hint         string // for the operator: how to correct it; may be empty
	// Text is the source line, with secrets and unprintable characters hidden;
	// empty without a line. Of a long line it is the part around Column.
	Text string
	// Cut is how many characters of the line were left out before Text.
	Cut int `json:",omitempty"`
}

// Place is where the problem is.
func (p Problem) Place() Place { return Place{File: p.File, Line: p.Line, Column: p.Column} }

// String writes the problem as people read it: place and message, the source
// line with a caret under the column, and the hint.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", p.Place(), p.Message)
	if p.Text != "" {
		text, at := strings.ReplaceAll(p.Text, "\t", " "), p.Column-p.Cut
		if p.Cut > 0 {
			text, at = "…"+text, at+1
		}
		fmt.Fprintf(&b, "    %s\n", text)
		if n := len([]rune(text)); at >= 1 && at <= n+1 {
			fmt.Fprintf(&b, "    %s^\n", strings.Repeat(" ", at-1))
		}
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "    hint: %s\n", p.Hint)
	}
	return b.String()
}

// Problems are all problems of a run, sorted by place.
type Problems []Problem

// String writes every problem, with an empty line between two.
func (ps Problems) String() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}

// Error makes Problems an error with the text of String. Use [Problems.Err]
// to get one, so that no problems are a nil error.
func (ps Problems) Error() string { return strings.TrimRight(ps.String(), "\n") }

// Err is nil when there are no problems.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func compare(a, b Problem) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Hint, b.Hint),
	)
}
