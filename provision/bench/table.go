package bench

import (
	"fmt"
	"slices"
	"strings"
)

// A Table is a Markdown table with sentences that explain it.
type Table struct {
	Head   []string
	Rows   [][]string // as long as Head each
	Legend []string   // paragraphs below the table
}

// Markdown formats the table. Its columns are aligned so that it is readable on a terminal,
// too: the first one to the left, the others to the right.
func (t Table) Markdown() string {
	width := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)), 3)
		}
	}
	var b strings.Builder
	line := func(row []string) {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				fmt.Fprintf(&b, "| %s%s ", cell, pad)
			} else {
				fmt.Fprintf(&b, "| %s%s ", pad, cell)
			}
		}
		b.WriteString("|\n")
	}
	line(t.Head)
	for i, w := range width {
		if i == 0 {
			b.WriteString("|" + strings.Repeat("-", w+2))
		} else {
			b.WriteString("|" + strings.Repeat("-", w+1) + ":")
		}
	}
	b.WriteString("|\n")
	for _, row := range t.Rows {
		line(row)
	}
	for _, p := range t.Legend {
		b.WriteString("\n" + p + "\n")
	}
	return b.String()
}

// Median is the middle of the values, the mean of the middle two when their number is even,
// and 0 when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	m := len(s) / 2
	if len(s)%2 == 1 {
		return s[m]
	}
	return (s[m-1] + s[m]) / 2
}
