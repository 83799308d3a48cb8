// Package terminal lays text out for people: as wide as their terminal, and in colour only
// there. Nothing that a text contains moves the terminal.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"

	"rackhand/config/visible"
)

const (
	// usualWidth is the width in columns of what is not a terminal.
	usualWidth = 80
	// leastWidth is the width below which nothing is laid out more narrowly.
	leastWidth = 40
)

// A Writer makes every character visible, and knows the terminal that it writes to.
type Writer struct {
	visible.Writer
	columns int // of the terminal; 0: it is not one
	colour  bool
}

// New makes a writer to a file or anything else. The environment may forbid colours:
// NO_COLOR (https://no-color.org), TERM=dumb.
func New(to io.Writer, env func(string) string) *Writer {
	w := &Writer{Writer: visible.Writer{To: to}}
	f, ok := to.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return w
	}
	w.columns = usualWidth
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		w.columns = max(columns, leastWidth)
	}
	w.colour = env("NO_COLOR") == "" && env("TERM") != "dumb"
	return w
}

// Columns is the width of the terminal that a writer writes to, 0 for anything else: its lines
// are not broken.
func Columns(out io.Writer) int {
	if w, ok := out.(*Writer); ok {
		return w.columns
	}
	return 0
}

// Width is the width in columns for what is laid out: the terminal's, or 80.
func Width(out io.Writer) int {
	if n := Columns(out); n > 0 {
		return n
	}
	return usualWidth
}

// A Style is a colour of the terminal, as the parameters of SGR (ECMA-48, 8.3.117).
type Style string

// The styles, by what they mean.
const (
	Plain Style = ""
	Bad   Style = "31" // red
	Warn  Style = "33" // yellow
	Good  Style = "32" // green
	Faint Style = "2"
	Bold  Style = "1"
)

// Paint writes a text in a style, if the writer is a terminal's. The style goes past the text,
// so no text can paint.
func Paint(out io.Writer, style Style, text string) error {
	w, ok := out.(*Writer)
	if !ok || !w.colour || style == Plain {
		_, err := io.WriteString(out, text)
		return err
	}
	if _, err := io.WriteString(w.To, "\x1b["+string(style)+"m"); err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	_, err := io.WriteString(w.To, "\x1b[0m")
	return err
}
