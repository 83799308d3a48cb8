package kernel

import "strings"

// CmdlineWords are the words of /proc/cmdline. Blanks separate them; double quotes keep
// blanks within a word, as in the kernel's own parser (lib/cmdline.c).
func CmdlineWords(s string) []string {
	var (
		words  []string
		word   strings.Builder
		quoted bool
	)
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			end()
		default:
			word.WriteRune(r)
		}
	}
	end()
	return words
}
