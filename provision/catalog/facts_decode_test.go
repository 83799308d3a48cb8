package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeFacts(t *testing.T) {
	got, err := DecodeFacts([]byte(` {"text": "a\n", "yes": true, "none": null, "big": 17179869184, "minus": -1, "half": 0.5, "exp": 1e3, "huge": 1e300, "list": [1, [2]], "a": {"b": {}}} `))
	want := map[string]any{
		"text": "a\n", "yes": true, "big": 17179869184, "minus": -1, "half": 0.5, "exp": 1000, "huge": 1e300,
		"list": []any{1, []any{2}}, "a": map[string]any{"b": map[string]any{}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// TestRefused: what isn't an object within the bounds is refused, whatever a host sends.
func TestFactsRefused(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	if _, err := DecodeFacts([]byte(nested(16))); err != nil {
		t.Error(err)
	}
	if _, err := DecodeFacts([]byte(`{"a": "[[[[[[[[[[[[[[[[[[[[[[\"{{{{{{{{{{{{{{{{{{{{{{{"}`)); err != nil {
		t.Errorf("brackets in a text: %v", err)
	}
	var keys strings.Builder
	for n := range 9000 {
		fmt.Fprintf(&keys, `"%x":1,`, n)
	}
	for name, body := range map[string]string{
		"nothing":       "",
		"null":          "null",
		"a list":        "[]",
		"a text":        `"a"`,
		"a number":      "1",
		"half":          `{"a": `,
		"two":           `{} {}`,
		"text behind":   `{} x`,
		"not JSON":      "a: b",
		"too deep":      nested(17),
		"a deep list":   `{"a": ` + strings.Repeat("[", 60000),
		"not UTF-8":     "{\"a\": \"\xff\"}",
		"too large":     `{"a": "` + strings.Repeat("x", MaxFacts) + `"}`,
		"no name":       `{"": 1}`,
		"a long name":   `{"` + strings.Repeat("x", 257) + `": 1}`,
		"many keys":     "{" + keys.String()[:60000] + `1":1}`,
		"many items":    `{"a": [` + strings.Repeat("1,", 9000) + `1]}`,
		"out of range":  `{"a": 1e999}`,
		"NaN":           `{"a": NaN}`,
		"deep and less": `{"a": ` + strings.Repeat("]", 100) + nested(20) + `}`,
	} {
		if _, err := DecodeFacts([]byte(body)); err == nil || len(err.Error()) > 200 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzFacts: no body makes Decode panic, and what it takes can be written and read again.
func FuzzFacts(f *testing.F) {
	for _, seed := range []string{`{"os": {"id": "debian"}}`, `{"a": [1, 2.5, null, "x"]}`, "{\"a\": \"\\u0000\"}", `{"a":{"a":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, err := DecodeFacts(body)
		if err != nil {
			return
		}
		b, err := json.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > MaxFacts { // escapes make it longer
			return
		}
		if _, err := DecodeFacts(b); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	})
}
