package kickstart

import (
	"fmt"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"  # only a comment", ""},
		{"text", "1:text"},
		{"text#x", "1:text"},
		{"rootpw a#b", "1:rootpw 8:a"},
		{`rootpw "a#b"`, "1:rootpw 8:a#b"},
		{`a\#b`, "1:a#b"},
		{`--xlayouts=us,'cz (qwerty)'`, "1:--xlayouts=us,cz (qwerty)"},
		{`"a\"b" "c\d" '\'`, `1:a"b 8:c\d 14:\`},
		{"\tü x", "2:ü 4:x"},
		{"foo\\\n", "1:foo\n"},
		{`""`, "1:"},
		{"a;b & $c | d", "1:a;b 5:& 7:$c 10:| 12:d"},
	} {
		words, _, err := splitWords(c.line, 1, true)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		var got []string
		for _, w := range words {
			got = append(got, fmt.Sprintf("%d:%s", w.Pos.Col, w.Text))
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%q: got %q, want %q", c.line, g, c.want)
		}
	}
}

func TestSplitWordsOpenQuote(t *testing.T) {
	for line, col := range map[string]int{`a "b`: 3, `'`: 1, `a b"c'd`: 4} {
		if _, at, err := splitWords(line, 7, true); err == nil || at != (Pos{7, col}) {
			t.Errorf("%q: got %v at %v, want an error at 7:%d", line, err, at, col)
		}
	}
}
