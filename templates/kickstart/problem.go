package kickstart

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Pos is a place in a file: line and column, both from 1, the column counted
// in characters.
type Pos struct{ Line, Col int }

// String is "line:column".
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// A Severity says how bad a problem is.
type Severity int

// The severities. An Error stops an installer. A Warning is accepted, and has no effect or
// soon will have none.
const (
	Error Severity = iota
	Warning
)

// A Problem is something wrong in a file. It is an error.
type Problem struct {
	File     string
	Pos      Pos
	Severity Severity
	Message  string // never contains a value that may be a secret
	Hint     string // for the operator; may be empty
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

// Errors returns the problems that stop an installer.
func Errors(problems []*Problem) []*Problem {
	var out []*Problem
	for _, p := range problems {
		if p.Severity == Error {
			out = append(out, p)
		}
	}
	return out
}

// MaxProblems is the most errors, and the most warnings, that are reported of one file.
const MaxProblems = 200

// Problems collects what is wrong in one file. The zero value with a File is ready for use.
type Problems struct {
	File    string
	List    []*Problem
	Dropped int // the number of warnings beyond MaxProblems, which List lacks

	errors, warnings int // in List
}

// Full reports that List holds as many errors as it may. Warnings never end a check,
// because an error may follow.
func (ps *Problems) Full() bool { return ps.errors >= MaxProblems }

// Join adds problems, and drops those beyond MaxProblems.
func (ps *Problems) Join(more ...*Problem) {
	for _, p := range more {
		count := &ps.errors
		if p.Severity == Warning {
			count = &ps.warnings
		}
		if *count < MaxProblems {
			*count++
			ps.List = append(ps.List, p)
		} else if p.Severity == Warning {
			ps.Dropped++
		}
	}
}

// Sort puts the problems in the file's order.
func (ps *Problems) Sort() {
	slices.SortStableFunc(ps.List, func(a, b *Problem) int {
		return cmp.Or(a.Pos.Line-b.Pos.Line, a.Pos.Col-b.Pos.Col)
	})
}

func (ps *Problems) add(at Pos, s Severity, hint, format string, args ...any) {
	ps.Join(&Problem{File: ps.File, Pos: at, Severity: s, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// Errorf adds an error at a place. The hint says what to do, and may be empty.
func (ps *Problems) Errorf(at Pos, hint, format string, args ...any) {
	ps.add(at, Error, hint, format, args...)
}

// Warnf adds a warning at a place. The hint says what to do, and may be empty.
func (ps *Problems) Warnf(at Pos, hint, format string, args ...any) {
	ps.add(at, Warning, hint, format, args...)
}

// NotContinued reports a line that was meant to continue the one before.
func (ps *Problems) NotContinued(c *Command) {
	ps.Errorf(c.Pos, "write one long line", "a backslash at the end of a line doesn't continue it: the parser reads this line as a command, and no command has this name")
}
