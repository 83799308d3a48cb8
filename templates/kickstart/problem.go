package kickstart

import (
	"fmt"
	"strings"
)

// A Pos is a place in a file: line and column, both from 1, the column counted
// in characters.
type Pos struct{ Line, Col int }

// String is "line:column".
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// A Severity says how bad a problem is.
type Severity int

// The severities. An Error stops an installer; a Warning is accepted by it, and
// has no effect or will soon have none.
const (
	Error Severity = iota
	Warning
)

// A Problem is something wrong in a file. It is an error.
type Problem struct {
	File     string
	Pos      Pos
	Severity Severity
	Message  string // what is wrong; never a value that may be a secret
	Hint     string // what to do; may be empty
}

// Error is "file:line:column: message (hint)".
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s: ", p.File, p.Pos)
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Errors are those of problems that stop an installer.
func Errors(problems []*Problem) []*Problem {
	var out []*Problem
	for _, p := range problems {
		if p.Severity == Error {
			out = append(out, p)
		}
	}
	return out
}

// maxProblems bounds what is reported of one file: this many errors, and as many
// warnings. Nobody reads more.
const maxProblems = 200

// problems collects what is wrong in one file.
type problems struct {
	file             string
	list             []*Problem
	errors, warnings int
	dropped          int // warnings that were too many
}

// full reports that there are errors enough. Warnings never end a search: an error
// may follow.
func (ps *problems) full() bool { return ps.errors >= maxProblems }

// join adds problems; those that are too many are dropped.
func (ps *problems) join(more ...*Problem) {
	for _, p := range more {
		count := &ps.errors
		if p.Severity == Warning {
			count = &ps.warnings
		}
		if *count < maxProblems {
			*count++
			ps.list = append(ps.list, p)
		} else if p.Severity == Warning {
			ps.dropped++
		}
	}
}

func (ps *problems) add(at Pos, s Severity, hint, format string, args ...any) {
	ps.join(&Problem{File: ps.file, Pos: at, Severity: s, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

func (ps *problems) errorf(at Pos, hint, format string, args ...any) {
	ps.add(at, Error, hint, format, args...)
}

func (ps *problems) warnf(at Pos, hint, format string, args ...any) {
	ps.add(at, Warning, hint, format, args...)
}

// notContinued reports a line that was meant to be the rest of the one before.
func (ps *problems) notContinued(c *Command) {
	ps.errorf(c.Pos, "write one long line", "a backslash at the end of a line doesn't continue it: this is a command of its own, and there is none of this name")
}
