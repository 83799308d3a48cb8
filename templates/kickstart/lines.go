package kickstart

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SplitLines cuts a text after each line end, as Python does: beside the usual ones
// (\n, \r\n, \r) these are vertical tab, form feed, the separators 1C to 1E, next
// line and Unicode's two.
func SplitLines(text string) []string {
	var lines []string
	start := 0
	for i, r := range text {
		switch r {
		case '\r':
			if strings.HasPrefix(text[i+1:], "\n") {
				continue
			}
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		default:
			continue
		}
		end := i + utf8.RuneLen(r)
		lines, start = append(lines, text[start:end]), end
	}
	if start < len(text) {
		lines = append(lines, text[start:])
	}
	return lines
}

// IsSpace reports whether Python takes a rune for a blank.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// firstField is the line's first blank-separated field and its place.
func (d dialect) firstField(line string, number int) (string, Pos) {
	rest := strings.TrimLeftFunc(line, d.isSpace)
	at := Pos{number, utf8.RuneCountInString(line[:len(line)-len(rest)]) + 1}
	if end := strings.IndexFunc(rest, d.isSpace); end >= 0 {
		rest = rest[:end]
	}
	return rest, at
}

// FirstField is a line's first blank-separated field and its place, in a file of an unknown
// release. number is the line's number.
func FirstField(line string, number int) (string, Pos) { return anyDialect().firstField(line, number) }
