package edit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxValue bounds a text that is set, in bytes.
const maxValue = 64 << 10

func checkText(s string) error {
	switch {
	case len(s) > maxValue:
		return fmt.Errorf("a value has more than %d bytes", maxValue)
	case !utf8.ValidString(s):
		return errors.New("a value is not UTF-8")
	}
	return nil
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+/-]*$`)

// formatKey writes a key, in quotes where it needs them.
func formatKey(key string) string {
	if plainKey.MatchString(key) && key != "null" && key != "Null" && key != "NULL" {
		return key
	}
	return quote(key)
}

// formatText writes a text so that it is read back as it is: plain where YAML allows it,
// otherwise in quotes. A text that looks like a number or yes needs no quotes, because the
// inventory's readers take the text as written. Only null would count as no value.
func formatText(s string, flow bool) string {
	if mayBePlain(s, flow) {
		return s
	}
	return quote(s)
}

func mayBePlain(s string, flow bool) bool {
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsFunc(s, notPlain) {
		return false
	}
	if flow && strings.ContainsAny(s, ",[]{}?") {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") ||
		strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return false
	}
	if strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`=", rune(s[0])) && !dashWord.MatchString(s) {
		return false
	}
	// The parser has the last word.
	text := "k: " + s + "\n"
	if flow {
		text = "{k: " + s + ", l: m}\n"
	}
	docs, err := decode([]byte(text))
	if err != nil || len(docs) != 1 || docs[0].Content[0].Kind != yaml.MappingNode || len(docs[0].Content[0].Content) < 2 {
		return false
	}
	n := docs[0].Content[0].Content[1]
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == s && n.Tag != "!!null" && n.Tag != "!!merge"
}

// dashWord: -5 and --option are plain; a dash alone begins a list.
var dashWord = regexp.MustCompile(`^-+[^\s-]`)

// notPlain: invisible characters belong in quotes, as an escape.
func notPlain(r rune) bool { return !unicode.IsPrint(r) }

// quote writes a text in single quotes, where it needs escapes in double ones.
func quote(s string) string {
	if !strings.ContainsFunc(s, notPlain) {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case !notPlain(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
