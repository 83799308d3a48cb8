package visible

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"plain, with ümläuts → 日本語": "plain, with ümläuts → 日本語",
		"lines\n\tand tabs":         "lines\n\tand tabs",
		"a\u202etxt.exe":            `a\u202etxt.exe`,
		"\u2066\u2067\u2068\u2069\u200e\u200f\u061c": `\u2066\u2067\u2068\u2069\u200e\u200f\u061c`,
		"zero\u200b\u200c\u200d\u2060\ufeffwidth":    `zero\u200b\u200c\u200d\u2060\ufeffwidth`,
		"\x1b[31mred\x1b]0;title\x07":                `\x1b[31mred\x1b]0;title\x07`,
		"\r\x00\x08\x7f":                             `\x0d\x00\x08\x7f`,
		"\u009b31m\u0085":                            `\u009b31m\u0085`,
		"\x9b31m\xff\xc3":                            `\x9b31m\xff\xc3`,
		"\u2028\u2029\u00ad":                         `\u2028\u2029\u00ad`,
		"\U000e0041\ue000":                           `\U000e0041\ue000`,
		"wide\u3000and\u00a0fixed \ufffd":            "wide\u3000and\u00a0fixed \ufffd",
	} {
		if got := Text(in); got != want {
			t.Errorf("%+q is %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\u202eb\x1b[1m\xc3", 2)
	f.Add("\xe2\x80\xae\xe2\x80", 1)
	f.Fuzz(func(t *testing.T, s string, size int) {
		got := Text(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
		}) {
			t.Errorf("%+q", got)
		}
		if Text(got) != got {
			t.Errorf("made visible twice: %+q, %+q", got, Text(got))
		}
		// However it is cut, the same is written.
		var b strings.Builder
		w := Writer{To: &b}
		for rest := s; rest != ""; {
			n := min(max(size%7, 1), len(rest))
			if k, err := w.Write([]byte(rest[:n])); k != n || err != nil {
				t.Fatal(k, err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil || b.String() != got {
			t.Errorf("written in pieces: %+q, want %+q (%v)", b.String(), got, err)
		}
	})
}
