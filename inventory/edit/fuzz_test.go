package edit

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzEdit edits any file: no panic; a result that parses, leaves all other bytes in their
// place, and holds the wanted value.
func FuzzEdit(f *testing.F) {
	commented, err := os.ReadFile("testdata/commented.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(commented), "hosts.web1.role", "db")
	for _, seed := range []struct{ text, path, value string }{
		{"a: {b: c}\n", "a.b", "x, y"},
		{"a:\n- b\n- c\n", "a", "d"},
		{"a: &x {b: c}\nd: *x\n", "d.b", "e"},
		{"? a\n: b\n", "a", "c"},
		{"a: |+\n  b\n\n", "c", "d"},
		{"a: >2-\n   b\n\n\n    c\n# d\n", "a", "e"},
		{"{a: b, \"c\": 'd', e, f: [g: h]}", "e", "i"},
		{"\ufeffa:\r\n  b:\r\n", "a.b", "c\n"},
		{"a: b\u2028c: d\n", "c", "e"},
		{"--- # x\na: !!str b\n...\n", "b", "c"},
		{"a:\n  - b: c\n    d: e\n", "a", "f"},
		{"a: b\n---\nc: d\n", "a", "e"},
		{"", "a.b.c", "null"},
		{"# x", "a", "y"},
		{"a: \"b\\\n  c\"\n", "a", "\x00"},
		{"<<: {a: b}\n", "a", "c"},
		{"a: ~\n", "a.b", "c"},
		{"a: {}   # x\nb: []", "a.b", "c"},
	} {
		f.Add(seed.text, seed.path, seed.value)
	}
	f.Fuzz(func(t *testing.T, text, where, value string) {
		path, err := ParsePath(where)
		if err != nil {
			return
		}
		before := []byte(text)
		check := func(what string, r Result, err error) bool {
			t.Helper()
			var refusal *Refusal
			if err != nil {
				if !errors.As(err, &refusal) || refusal.Reason == "" {
					t.Errorf("%s: %v is no refusal", what, err)
				}
				return false
			}
			untouched(t, what, before, r)
			if _, err := parse(r.Text); err != nil {
				t.Errorf("%s: the result can't be read: %v\n%q", what, err, r.Text)
			}
			return true
		}
		r, err := Set(before, path, value)
		if check("set", r, err) {
			if got, ok := valueAt(t, r.Text, path); !ok || got != value {
				t.Errorf("%s is %q, not %q\n%q", path, got, value, r.Text)
			}
			if again, err := Set(r.Text, path, value); err != nil || len(again.Splices) > 0 {
				t.Errorf("set to the same: %v, %+v\n%q", err, again.Splices, r.Text)
			}
		}
		r, err = Set(before, path, value, "b")
		check("set a list", r, err)
		r, err = Remove(before, path)
		if check("remove", r, err) {
			if got, ok := valueAt(t, r.Text, path); ok {
				t.Errorf("%s is still there, %q\n%q", path, got, r.Text)
			}
		}
		r, err = Add(before, path, []Field{{Key: "mac", Values: []string{"52:54:00:00:00:01"}}, {Key: value, Values: []string{value}}})
		if checkKey(value) == nil {
			check("add", r, err)
		}
	})
}

// valueAt reads the text at a path, or of a list of one.
func valueAt(t *testing.T, text []byte, path Path) (string, bool) {
	d, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.walk(path)
	if err != nil || len(w.missing) > 0 || w.value == nil {
		return "", false
	}
	if len(w.value.Content) == 1 {
		return w.value.Content[0].Value, true
	}
	return w.value.Value, true
}

// FuzzText writes any text as a value, in a block and in brackets.
func FuzzText(f *testing.F) {
	for _, w := range words {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, text := range []string{"a:\n  b: c # d\n", "a: {b: c, d: e}\n"} {
			r, err := Set([]byte(text), Path{"a", "b"}, value)
			if err != nil {
				if checkText(value) == nil {
					t.Errorf("%q: %v", value, err)
				}
				continue
			}
			if got, _ := valueAt(t, r.Text, Path{"a", "b"}); got != value {
				t.Errorf("%q is read as %q from %q", value, got, r.Text)
			}
			if after, _ := strings.CutPrefix(string(r.Text), text[:strings.Index(text, "c")]); after == string(r.Text) {
				t.Errorf("what stands before it changed: %q", r.Text)
			}
		}
	})
}
