package edit

import (
	"fmt"
	"strings"
	"unicode"

	"rackhand/config/schema"
)

// around is how many unchanged lines a diff shows.
const around = 3

// diff shows what became of a file, in the unified form. An edit is in one place,
// so there is one hunk. Secrets and unprintable characters aren't shown.
func diff(name string, before, after []byte) string {
	a, b := lines(before), lines(after)
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	tail := 0
	for tail < len(a)-same && tail < len(b)-same && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	if same == len(a) && same == len(b) {
		return ""
	}
	first := max(0, same-around)
	endA, endB := len(a)-tail, len(b)-tail
	behind := min(tail, around)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n@@ -%s +%s @@\n", name, name, hunk(first, endA+behind), hunk(first, endB+behind))
	write := func(mark string, lines []string) {
		for _, line := range lines {
			text, ended := strings.CutSuffix(line, "\n")
			out.WriteString(mark + shown(strings.TrimSuffix(text, "\r")) + "\n")
			if !ended {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
	}
	write(" ", a[first:same])
	write("-", a[same:endA])
	write("+", b[same:endB])
	write(" ", a[endA:endA+behind])
	return out.String()
}

// hunk writes the lines from first up to end, which count from 0.
func hunk(first, end int) string {
	if end == first {
		return fmt.Sprintf("%d,0", first)
	}
	return fmt.Sprintf("%d,%d", first+1, end-first)
}

// lines splits a text and leaves the breaks on.
func lines(text []byte) []string {
	all := strings.SplitAfter(string(text), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// shown makes a line fit to be shown: without secrets, as the loader's problems show lines,
// and without control characters.
func shown(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, schema.HideSecrets(line))
}
