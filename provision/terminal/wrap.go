package terminal

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks a text into lines of at most width columns, the first of which begins at the
// column first; it is empty if no word fits there. A word longer than a line is not cut, and a command in backquotes stays in one
// piece if it fits on a line. A width of 0 breaks nothing.
func Wrap(text string, first, width int) []string {
	lines, used := []string{""}, first
	for _, word := range words(text, width) {
		last, n := &lines[len(lines)-1], utf8.RuneCountInString(word)
		switch {
		case *last != "" && (width == 0 || used+1+n <= width):
			*last += " " + word
			used += 1 + n
		case *last == "" && (width == 0 || used == 0 || used+n <= width):
			*last = word
			used += n
		default:
			lines, used = append(lines, word), n
		}
	}
	return lines
}

// words are the words of a text. A command in backquotes is one, if it fits on a line.
func words(text string, width int) []string {
	var out []string
	quoted := ""
	for _, w := range strings.Fields(text) {
		odd := strings.Count(w, "`")%2 == 1
		switch {
		case quoted == "" && odd:
			quoted = w
		case quoted == "":
			out = append(out, w)
		case odd:
			if quoted += " " + w; utf8.RuneCountInString(quoted) > width && width > 0 {
				out = append(out, strings.Fields(quoted)...)
			} else {
				out = append(out, quoted)
			}
			quoted = ""
		default:
			quoted += " " + w
		}
	}
	return append(out, strings.Fields(quoted)...) // a backquote without its other one
}

// Indent breaks a text into lines for a width, each of which begins with a prefix. It ends
// with a newline.
func Indent(prefix, text string, width int) string {
	if width > 0 {
		width = max(width-utf8.RuneCountInString(prefix), 1)
	}
	return prefix + strings.Join(Wrap(text, 0, width), "\n"+prefix) + "\n"
}
