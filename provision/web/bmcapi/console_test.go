package bmcapi

import (
	"strings"
	"testing"
)

type typed struct{ strings.Builder }

func (t *typed) Break() error { t.WriteString("<break>"); return nil }

// TestTyping: breaks among what is typed, in one piece and byte by byte.
func TestTyping(t *testing.T) {
	for sent, want := range map[string]string{
		"root\r":         "root\r",
		"a\x00Bb":        "a<break>b",
		"\x00\x00B":      "\x00B",
		"\x00B\x00B":     "<break><break>",
		"B\x00\x00\x00B": "B\x00<break>",
	} {
		for _, piece := range []int{100, 1} {
			var in typing
			var out typed
			for b := []byte(sent); len(b) > 0; {
				n := min(piece, len(b))
				if err := in.pass(b[:n], &out); err != nil {
					t.Fatal(err)
				}
				b = b[n:]
			}
			if out.String() != want {
				t.Errorf("%q in pieces of %d: %q, want %q", sent, piece, out.String(), want)
			}
		}
	}
}
