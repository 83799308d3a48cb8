package problem

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxProblems bounds the problems of one run. 200 are enough to work on, and a hostile file
	// must not fill the memory that keeps them.
	maxProblems = 200
	// maxText bounds a source line that is shown, in characters.
	maxText = 240
)

// A List collects problems while files are read. Its zero value is ready. It is
// not safe for use by several goroutines.
type List struct {
	problems []Problem
	sources  map[string]func(line int) string
	more     int
}

// Source sets the source of the text of a file's lines. It is asked when the reading is
// over, so a secret that was found late is hidden everywhere.
func (l *List) Source(file string, line func(line int) string) {
	if l.sources == nil {
		l.sources = map[string]func(int) string{}
	}
	l.sources[file] = line
}

// Addf adds a problem at a place.
func (l *List) Addf(at Place, hint, format string, args ...any) {
	// Far more than is shown is kept, since the first ones are known only once
	// all are sorted; but not without bound.
	if len(l.problems) >= 50*maxProblems {
		l.more++
		return
	}
	l.problems = append(l.problems, Problem{
		File: at.File, Line: at.Line, Column: at.Column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// Join takes over what another list holds.
func (l *List) Join(other *List) {
	room := max(50*maxProblems-len(l.problems), 0)
	n := min(room, len(other.problems))
	l.problems = append(l.problems, other.problems[:n]...)
	l.more += other.more + len(other.problems) - n
	for file, line := range other.sources {
		l.Source(file, line)
	}
}

// Len is how many problems were added.
func (l *List) Len() int { return len(l.problems) + l.more }

// Problems returns what was added: sorted, without repeats, with the source
// lines, and cut at a bound with a last word on how many more there are.
func (l *List) Problems() Problems {
	all := slices.Clone(l.problems)
	slices.SortStableFunc(all, compare)
	all = slices.CompactFunc(all, func(a, b Problem) bool { return compare(a, b) == 0 })
	more := l.more
	if len(all) > maxProblems {
		more += len(all) - maxProblems
		all = all[:maxProblems]
	}
	for i, p := range all {
		if text := l.sources[p.File]; text != nil && p.Line > 0 {
			all[i].Text, all[i].Cut = around(text(p.Line), p.Column)
		}
	}
	if more > 0 {
		last := all[len(all)-1]
		all = append(all, Problem{
			File: last.File, Line: last.Line, Column: last.Column,
			Message: fmt.Sprintf("and %d more problems", more),
			Hint:    "mend those above first",
		})
	}
	return all
}

// around is the part of a line that shows a column, and how many characters were
// left out before it.
func around(line string, column int) (text string, cut int) {
	r := []rune(line)
	if len(r) <= maxText || column <= maxText*3/4 {
		return Printable(line), 0
	}
	cut = min(column-1, len(r)) - maxText/2
	return Printable(string(r[cut:])), cut
}

// Printable makes a line fit to be shown on a terminal: unprintable characters
// are replaced one for one, so that columns stay, and a long line is cut.
func Printable(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
	if r := []rune(clean); len(r) > maxText {
		return string(r[:maxText]) + "…"
	}
	return clean
}
