package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"rackhand/config/visible"
)

const (
	gap  = "  "   // between two columns
	deep = "    " // before what belongs to a row and stands below it
	// roomy is the width from which on the last column breaks its own texts.
	roomy = 60
)

// A Cell is a text in a table, and its style.
type Cell struct {
	Text  string
	Style Style
}

// A Row is a line of a table, with the texts that stand below it.
type Row struct {
	Cells []Cell
	Below []Cell
}

// A Table has columns that are as wide as their widest cell. The last column takes the rest of
// the line. A text that doesn't fit there is broken into lines: within the column if it is
// wide, otherwise below the row.
type Table struct {
	Head []string // "" in all: no line of names
	Rows []Row
	// Narrow: texts are broken for 80 columns where there is no terminal. Otherwise a row is
	// one line there.
	Narrow bool
}

// Add adds a row without styles.
func (t *Table) Add(cells ...string) {
	r := Row{}
	for _, text := range cells {
		r.Cells = append(r.Cells, Cell{Text: text})
	}
	t.Rows = append(t.Rows, r)
}

// Fixed is the width of all columns but the last, in columns of the terminal.
func (t *Table) Fixed() int {
	total := 0
	for _, w := range t.widths() {
		total += w + len(gap)
	}
	return total
}

// widths are those of all columns but the last.
func (t *Table) widths() []int {
	var widths []int
	see := func(i int, text string, of int) {
		if i == of-1 {
			return
		}
		for len(widths) <= i {
			widths = append(widths, 0)
		}
		widths[i] = max(widths[i], utf8.RuneCountInString(text))
	}
	for i, text := range t.Head {
		see(i, text, len(t.Head))
	}
	for _, r := range t.Rows {
		for i, c := range r.Cells {
			see(i, c.Text, len(r.Cells))
		}
	}
	return widths
}

// Write writes the table for the width of a terminal.
func (t *Table) Write(out io.Writer) error {
	for _, r := range t.Rows {
		for _, cells := range [][]Cell{r.Cells, r.Below} {
			for i := range cells {
				cells[i].Text = visible.Text(cells[i].Text) // an escape is wider than its character
			}
		}
	}
	widths, fixed, width := t.widths(), t.Fixed(), Columns(out)
	if t.Narrow {
		width = Width(out)
	}
	if strings.Join(t.Head, "") != "" {
		head := Row{}
		for _, text := range t.Head {
			head.Cells = append(head.Cells, Cell{Text: text, Style: Bold})
		}
		if n := len(head.Cells) - 1; width > 0 && fixed+utf8.RuneCountInString(head.Cells[n].Text) > width {
			head.Cells = head.Cells[:n] // its texts stand below the rows
		}
		if err := line(out, head.Cells, widths); err != nil {
			return err
		}
	}
	for _, r := range t.Rows {
		cells, below := r.Cells, r.Below
		last := len(cells) - 1
		switch {
		case width == 0 || cells[last].Text == "" || fixed+utf8.RuneCountInString(cells[last].Text) <= width:
		case width-fixed >= roomy:
			lines := Wrap(cells[last].Text, 0, width-fixed)
			cells = append(slices.Clone(cells[:last]), Cell{strings.Join(lines, "\n"+strings.Repeat(" ", fixed)), cells[last].Style})
		default:
			below = append([]Cell{cells[last]}, below...)
			cells = cells[:last]
		}
		if err := line(out, cells, widths); err != nil {
			return err
		}
		for _, c := range below {
			for _, text := range Wrap(c.Text, 0, max(width-len(deep), 0)) {
				if err := Paint(out, c.Style, deep+text+"\n"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// line writes cells, without blanks behind the last one that has a text.
func line(out io.Writer, cells []Cell, widths []int) error {
	for len(cells) > 0 && cells[len(cells)-1].Text == "" {
		cells = cells[:len(cells)-1]
	}
	for i, c := range cells {
		if err := Paint(out, c.Style, c.Text); err != nil {
			return err
		}
		if i < len(cells)-1 {
			if _, err := fmt.Fprint(out, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.Text)), gap); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}
