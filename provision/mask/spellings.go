package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// spellings are the forms in which programs may write a secret, including the secret as it
// is.
func spellings(s string) []string {
	out := []string{s}
	out = append(out, shell(s)...)
	out = append(out, escaped(s)...)
	out = append(out, inURL(s)...)
	// These are for a JSON log of a script that quoted the secret.
	for _, quoted := range shell(s) {
		out = append(out, escaped(quoted)[0])
	}
	return append(out, inBase64(s)...)
}

// bashSpecial are the characters that bash's %q puts a backslash before (lib/sh/shquote.c,
// sh_backslash_quote).
const bashSpecial = ",\n\t '\"\\|&;()<>!{}*[]?^$`"

// shell is a word within quotes, and as `printf %q`, `set -x` and Python's shlex.quote
// write it.
func shell(s string) []string {
	return []string{
		strings.ReplaceAll(s, `'`, `'\''`),
		strings.ReplaceAll(s, `'`, `'"'"'`),
		backslashed(s, func(r rune) bool { return strings.ContainsRune("\\\"$`", r) }),
		backslashed(s, func(r rune) bool { return strings.ContainsRune("\\\"", r) }), // Kickstart
		backslashed(s, func(r rune) bool { return strings.ContainsRune(bashSpecial, r) }),
		backslashed(s, func(r rune) bool { return strings.ContainsRune(bashSpecial[1:], r) }), // older versions
		backslashed(s, func(r rune) bool { return r < 0x80 && !isWord(r) && !strings.ContainsRune("%+-./:=@", r) }),
	}
}

func backslashed(s string, escape func(rune) bool) string {
	var b strings.Builder
	for _, r := range s {
		if escape(r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escaped is a string within the quotes of JSON, with and without Go's HTML escapes, of Go,
// of Python, and of HTML.
func escaped(s string) []string {
	within := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return []string{s}
	}
	careful, err := json.Marshal(s)
	if err != nil {
		return []string{s}
	}
	h := html.EscapeString(s)
	return []string{
		within(strings.TrimSuffix(plain.String(), "\n")), within(string(careful)),
		within(strconv.Quote(s)), within(strconv.QuoteToASCII(s)),
		backslashed(s, func(r rune) bool { return r == '\\' || r == '\'' }),
		h, strings.NewReplacer("&#34;", "&quot;").Replace(h),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(h),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(h),
	}
}

// inURL is a string in a path or a query, with percent encoding in upper and lower case.
func inURL(s string) []string {
	query := url.QueryEscape(s)
	all := []string{
		query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(s), url.UserPassword("", s).String()[1:],
		// encodeURIComponent, encodeURI and curl encode fewer characters.
		strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(query),
		(&url.URL{Path: "/" + s}).EscapedPath()[1:],
		every(s, "%%%02X"),
	}
	for _, form := range all {
		all = append(all, lowerHex(form))
	}
	return all
}

func every(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// lowerHex converts the digits of percent encoding to lower case.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}

// inBase64 is a string in base64, alone and within a longer text such as user:password: the
// part that doesn't depend on its neighbours.
func inBase64(s string) []string {
	if len(s) < anywhere {
		return nil
	}
	var out []string
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		out = append(out, e.EncodeToString([]byte(s)), e.EncodeToString([]byte(s+"\n")))
		for before := range 3 {
			text := e.WithPadding(base64.NoPadding).EncodeToString(append(make([]byte, before), s...))
			// A character holds 6 bits. These characters depend on s alone.
			first, end := (before*8+5)/6, (before+len(s))*8/6
			if end-first >= 5 {
				out = append(out, text[first:end])
			}
		}
	}
	return out
}
