package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Write writes a report for a person: a line for each finding with its level in
// front, and below it what to do.
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
	writeFindings(&b, r.Findings)
	for _, a := range r.Answers {
		who := "answers"
		if a.Ours {
			who = "ours"
		}
		fmt.Fprintf(&b, "  %-9s%s\n", who, a.Text())
	}
	if r.Fits != "" {
		fmt.Fprintf(&b, "  %-9sdhcp: %s (%s)\n", "fits", r.Fits, r.Why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteFindings writes findings that belong to no link.
func WriteFindings(w io.Writer, findings []Finding) error {
	var b strings.Builder
	writeFindings(&b, findings)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFindings(b *strings.Builder, findings []Finding) {
	for _, f := range findings {
		fmt.Fprintf(b, "  %-9s%s\n", f.Level, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(b, "  %-9shint: %s\n", "", f.Hint)
		}
	}
}
