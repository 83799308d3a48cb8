package trace

import (
	"fmt"
	"strings"
	"time"

	"rackhand/config/visible"
	"rackhand/provision"
)

// Line is an entry in words.
type Line = provision.TraceLine

func (e entry) line() Line {
	l := Line{Seq: e.seq, Time: time.Unix(0, e.last).UTC(), MAC: e.mac.String(), Fields: map[string]string{}}
	if e.n > 1 {
		l.Times, l.Since = e.n, time.Unix(0, e.first).UTC()
	}
	e.fact.tell(&l)
	// An error or a client's own words may repeat a name with a token in it.
	l.Text = MaskText(visible.Text(l.Text))
	for name, value := range l.Fields {
		l.Fields[name] = MaskText(visible.Text(value))
	}
	return l
}

// words collects parts of a text.
type words struct{ parts []string }

func (w *words) add(format string, args ...any) {
	w.parts = append(w.parts, fmt.Sprintf(format, args...))
}

func (w *words) String() string { return strings.Join(w.parts, ", ") }

// field notes a value that isn't empty.
func field(l *Line, name, value string) {
	if value != "" {
		l.Fields[name] = value
	}
}
