// Package visible makes untrusted text safe to display: characters that a terminal
// or a browser would interpret, or not show, become escapes. It knows nothing else
// of rackhand.
package visible

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown: a line's end, a tab, and characters with ink or a width. That leaves out C0 and C1,
// the marks that turn the direction of writing (U+202E and its kin), those without width
// (U+200B, U+FEFF), tags, private and unassigned characters.
func shown(r rune) bool {
	return r == '\n' || r == '\t' || unicode.IsPrint(r) || unicode.Is(unicode.Zs, r)
}

// Text makes every character visible: U+202E is \u202e, ESC is \x1b, the byte 9b that
// is not UTF-8 is \x9b. Everything else stays as it is.
func Text(s string) string {
	clean := true
	for i, r := range s {
		if !shown(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case shown(r):
			b.WriteString(s[:size])
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// A Writer passes text on as [Text] makes it. The first bytes of a character whose rest
// is still to come wait for it; Close writes what waits then.
type Writer struct {
	To   io.Writer
	tail []byte
}

func (w *Writer) Write(p []byte) (int, error) {
	text := append(w.tail, p...)
	end := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				end = at
			}
			break
		}
	}
	w.tail = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(w.To, Text(string(text[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what waits for its rest. It doesn't close what is written to.
func (w *Writer) Close() error {
	_, err := io.WriteString(w.To, Text(string(w.tail)))
	w.tail = nil
	return err
}
