package doctor

import (
	"fmt"
	"io"
	"strings"

	"rackhand/provision/terminal"
)

// levelWidth is the width of the column of levels.
const levelWidth = 11

// Write writes a report for a person: a line for each finding with its level in
// front, and below it what to do. On a terminal, long lines are wrapped.
func Write(w io.Writer, r Report) error {
	var b strings.Builder
	b.WriteString(r.Link)
	if r.Address.IsValid() {
		b.WriteString(", " + r.Address.String())
	}
	if r.Network != "" {
		fmt.Fprintf(&b, ", network %s (dhcp: %s)", r.Network, r.Mode)
	}
	b.WriteString("\n")
	width := terminal.Columns(w)
	writeFindings(&b, r.Findings, width)
	for _, a := range r.Answers {
		who := "answers"
		if a.Ours {
			who = "ours"
		}
		writeRow(&b, who, a.Text(), width)
	}
	if r.Fits != "" {
		writeRow(&b, "fits", fmt.Sprintf("dhcp: %s (%s)", r.Fits, r.Why), width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteFindings writes findings that belong to no link.
func WriteFindings(w io.Writer, findings []Finding) error {
	var b strings.Builder
	writeFindings(&b, findings, terminal.Columns(w))
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFindings(b *strings.Builder, findings []Finding, width int) {
	for _, f := range findings {
		writeRow(b, string(f.Level), f.Text, width)
		if f.Hint != "" {
			writeRow(b, "", "hint: "+f.Hint, width)
		}
	}
}

// writeRow writes a text behind a level, wrapped for a width in columns; 0 wraps nothing.
func writeRow(b *strings.Builder, level, text string, width int) {
	if width > 0 {
		lines := terminal.Wrap(text, 0, max(width-levelWidth, 20))
		text = strings.Join(lines, "\n"+strings.Repeat(" ", levelWidth))
	}
	fmt.Fprintf(b, "  %-9s%s\n", level, text)
}
