// Package mask removes secrets from text that people will see, in the forms in which
// programs write them: quoted for a shell, escaped for JSON, HTML and URLs, in base64.
package mask

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// anywhere is the least length in bytes of a secret that is masked wherever it appears.
	// A shorter one is masked only as a word of its own, since it is part of many words.
	anywhere = 4
	// line is the least length in bytes of a line that is masked, for secrets of several
	// lines. A brace or "-----BEGIN KEY-----" alone isn't secret.
	line = 8
)

// A Masker knows secrets in all their forms. A nil Masker knows none. It is safe for
// concurrent use.
type Masker struct {
	forms *strings.Replacer
	words []string
	mark  string
}

// New makes a masker that replaces secrets with mark.
func New(mark string, secrets ...string) *Masker {
	m := &Masker{mark: mark}
	set := map[string]bool{}
	for _, s := range secrets {
		for _, part := range Parts(s) {
			for _, form := range spellings(part) {
				switch {
				case len(form) >= anywhere:
					set[form] = true
				case strings.ContainsFunc(form, isWord):
					m.words = append(m.words, form)
				}
			}
		}
	}
	delete(set, mark)
	all := make([]string, 0, len(set))
	for form := range set {
		all = append(all, form)
	}
	// The longest form comes first, since a shorter one may be a part of it.
	byLength := func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	}
	slices.SortFunc(all, byLength)
	slices.SortFunc(m.words, byLength)
	m.words = slices.Compact(m.words)
	if len(all) > 0 {
		pairs := make([]string, 0, 2*len(all))
		for _, form := range all {
			pairs = append(pairs, form, mark)
		}
		m.forms = strings.NewReplacer(pairs...)
	}
	return m
}

// Parts are the pieces of a secret that may appear in text with lines. A key or a
// certificate has many.
func Parts(secret string) []string {
	secret = strings.TrimSpace(secret)
	if secret == "" {
		return nil
	}
	if !strings.Contains(secret, "\n") {
		return []string{secret}
	}
	var out []string
	for l := range strings.Lines(secret) {
		if l = strings.TrimSpace(l); len(l) >= line && !strings.HasPrefix(l, "-----") {
			out = append(out, l)
		}
	}
	return out
}

// Mask returns the text with secrets replaced.
func (m *Masker) Mask(text string) string {
	if m == nil {
		return text
	}
	if m.forms != nil {
		text = m.forms.Replace(text)
	}
	for _, w := range m.words {
		text = replaceWord(text, w, m.mark)
	}
	return text
}

// replaceWord replaces a word that has no letter, digit or _ beside it.
func replaceWord(text, word, with string) string {
	if !strings.Contains(text, word) {
		return text
	}
	var b strings.Builder
	rest, before := text, ' '
	for {
		i := strings.Index(rest, word)
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		if i > 0 {
			before = rune(rest[i-1])
		}
		after := ' '
		if end := i + len(word); end < len(rest) {
			after = rune(rest[end])
		}
		b.WriteString(rest[:i])
		if isWord(before) || isWord(after) {
			b.WriteString(word)
		} else {
			b.WriteString(with)
		}
		before = rune(word[len(word)-1])
		rest = rest[i+len(word):]
	}
}

func isWord(r rune) bool {
	return r == '_' || r >= 0x80 || unicode.IsLetter(r) || unicode.IsDigit(r)
}
