package templates

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIndent bounds the blanks that indent puts before a line.
const maxIndent = 64

// Quote makes a value one word of a shell script: quote V.
func Quote(v any) (string, error) {
	s := fmt.Sprint(v)
	if strings.ContainsAny(s, "\n\x00") {
		return "", fmt.Errorf("a value with a line break cannot stand in a line%s", shown(v, s))
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// plainWord needs no quotes in a Kickstart: nothing in it begins a comment or a
// quote, or escapes.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@:,./+=-]+$`)

// KickstartQuote makes a value one word of a Kickstart's line, as Python's shlex in POSIX
// mode reads it back: ksquote V. It adds quotes only where they are needed.
func KickstartQuote(v any) (string, error) {
	s := fmt.Sprint(v)
	switch {
	case !utf8.ValidString(s):
		return "", fmt.Errorf("a value that is not UTF-8 cannot stand in a Kickstart")
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("a value with a line break or a control character cannot stand in a line%s", shown(v, s))
	case plainWord.MatchString(s):
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// shown is a short value for a message; nothing for a secret.
func shown(v any, s string) string {
	if _, secret := v.(Secret); secret {
		return " (a secret)"
	}
	// Whole or not at all: the end of a secret must not be missed when secrets are
	// taken out of an error.
	if _, text := v.(string); !text || len(s) > 80 {
		return ""
	}
	return fmt.Sprintf(": %q", s)
}

// join is join SEPARATOR LIST.
func join(sep string, list any) (string, error) {
	v := reflect.ValueOf(list)
	switch v.Kind() {
	case reflect.Invalid:
		return "", nil
	case reflect.Slice, reflect.Array:
	default:
		return "", fmt.Errorf("join takes a separator and a list, such as {{ join \",\" (list \"ntp\") }}, not a %T", list)
	}
	var b strings.Builder
	for i := range v.Len() {
		if i > 0 {
			b.WriteString(sep)
		}
		fmt.Fprint(&b, v.Index(i).Interface())
	}
	return b.String(), nil
}

// orDefault is default D V: V, or D when V is empty text, an empty list or nothing.
func orDefault(deflt, v any) any {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return deflt
	case reflect.String, reflect.Slice, reflect.Map:
		if r.Len() == 0 {
			return deflt
		}
	}
	return v
}

// indent is indent N TEXT: N blanks before each line that isn't empty.
func indent(n int, text any) (string, error) {
	if n < 0 || n > maxIndent {
		return "", fmt.Errorf("indent takes a number of blanks from 0 to %d, not %d", maxIndent, n)
	}
	lines := strings.SplitAfter(fmt.Sprint(text), "\n")
	for i, line := range lines {
		if strings.TrimRight(line, "\r\n") != "" {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, ""), nil
}
