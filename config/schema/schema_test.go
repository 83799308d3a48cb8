package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// first parses a text and returns the first problem as place and message.
func first(t *testing.T, text string) string {
	t.Helper()
	var list problem.List
	schema.Parse("f", []byte(text), &list)
	problems := list.Problems()
	if len(problems) == 0 {
		return ""
	}
	if problems[0].Hint == "" {
		t.Errorf("no hint for %q: %v", text, problems[0])
	}
	return strings.TrimPrefix(problems[0].Place().String(), "f:") + " " + problems[0].Message
}

func TestSyntax(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"comment", "# a\n", ""},
		{"byte order mark", "\ufeffa: b\n", ""},
		{"CR LF", "a: b\r\nc:\r\n  d: e\r\n", ""},
		{"tab after a colon", "a:\tb\n", ""},
		{"tab in a block text", "a: |\n  b\n  \tc\n", ""},
		{"tab", "a:\n\tb: c\n", "2:1 a tab is used for indentation"},
		{"tab after spaces", "a:\n  \tb: c\n  d: e\n", "2:3 a tab is used for indentation"},
		{"open list", "a: 1\nb: [x,\nc: 2\n", "2:4 a list or mapping in brackets is not closed, or lacks a comma"},
		{"open list to the end", "a: 1\nb: [x,\n", "2:4 a list or mapping in brackets is not closed, or lacks a comma"},
		{"missing comma", "a: {b: c, d: e f: g}\n", "1:4 a list or mapping in brackets is not closed, or lacks a comma"},
		{"open quote", "a: 'b\nc: d\n", "1:4 a quoted text is not closed"},
		{"open quote in the middle", "a: b\nc: \"d\ne: f\n", "2:4 a quoted text is not closed"},
		{"deeper key", "a: b\n  c: d\n", "2:3 this line is indented deeper than the one before it, which has its value already"},
		{"outdented key", "a:\n    b: c\n  d: e\n", "3:3 this line doesn't fit the mapping or list before it"},
		{"key without colon", "a\n", ""},
		{"two words", "a: b\nc\nd: e\n", "2:1 a key without a colon"},
		{"last word", "a: b\nc\n", "2:1 a key without a colon"},
		{"forgotten colon", "a\n  b: c\n", "1:1 a key without a colon"},
		{"list entry after key", "a: - b\n", "1:1 a list entry can't begin here"},
		{"wide characters", "a: 'äöü' x\nb: c\n", "1:10 text after a closing quote"},
		{"at", "a: @b\n", "1:4 a value can't begin with this character"},
		{"NEL counts as a line", "a: b\u0085\tc: d\n", "2:1 a tab is used for indentation"},
		{"a NUL", "a: \x00\n", "1:4 character U+0000 can't stand in a YAML file"},
		{"second document", "a: b\n---\nc: d\n", "2:1 a second document begins here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := first(t, c.text); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Readers don't report a second time what was reported, and go on after it.
func TestReaders(t *testing.T) {
	text := `
text: &a x
alias: *a
list: [a, {b: c}]
one: a
none:
int: 7
wide: "70000"
time: 90s
never: 90
word: tow
unknown: 1
text: y
`
	var list problem.List
	root, ok := schema.Parse("f", []byte(text), &list)
	if !ok {
		t.Fatal(list.Problems())
	}
	var seen []string
	note := func(key, value string, ok bool) {
		if ok {
			seen = append(seen, key+"="+value)
		}
	}
	readText := func(key string) func(schema.Node) {
		return func(n schema.Node) { s, ok := n.Text(key); note(key, s, ok) }
	}
	readList := func(key string) func(schema.Node) {
		return func(n schema.Node) {
			items, ok := n.List(key)
			note(key, "list", ok)
			for _, i := range items {
				s, ok := i.Text(key)
				note(key, s, ok)
			}
		}
	}
	readInt := func(n schema.Node) {
		i, ok := n.Int("int", 1, 65535)
		note("int", strings.Repeat("I", min(i, 10)), ok)
	}
	readTime := func(n schema.Node) {
		d, ok := n.Duration("time", time.Second, time.Hour)
		note("time", d.String(), ok)
	}
	root.Fields("top", schema.Fields{
		"text": readText("text"), "alias": readText("alias"), "list": readList("list"), "one": readList("one"), "none": readList("none"),
		"int": readInt, "wide": readInt, "time": readTime, "never": readTime,
		"word": func(n schema.Node) { s, ok := n.OneOf("word", "one", "two"); note("word", s, ok) },
	})
	want := []string{"text=x", "list=list", "list=a", "one=list", "one=a", "none=list", "int=IIIIIII", "time=1m30s"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var got []string
	for _, p := range list.Problems() {
		got = append(got, p.Place().String()+" "+p.Message+"; "+p.Hint)
	}
	wantProblems := []string{
		"f:2:7 anchors (&name) are not supported; share values by a group, a system or defaults; quote a text that begins with &",
		"f:3:8 aliases (*name) are not supported; write the value out, or share it by a group, a system or defaults; quote a text that begins with *",
		"f:4:11 list must be text, not a mapping; write one value on the line of its key, without brackets and dashes",
		"f:8:7 int must be a number from 1 to 65535, not \"70000\"; choose one in that range",
		"f:10:8 time must be a duration, not \"90\"; write a number with its unit: 90s, 15m, 1h30m",
		"f:11:7 word: unknown value \"tow\"; did you mean \"two\"?",
		"f:12:1 top: unknown key \"unknown\"; known here: alias, int, list, never, none, one, text, time, wide, word",
		"f:13:1 the key \"text\" stands here a second time; first at f:2:1; keep one of the two",
	}
	if diff := cmp.Diff(wantProblems, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// No line that is shown holds a secret, even when the file can't be parsed.
func TestSecretsAreHidden(t *testing.T) {
	for _, line := range []string{
		"password: hunter2",
		"bmc: {user: a, Password: hunter2, x: @",
		"\"root_password\" : 'hunter2'",
		"passphrase:   hunter2",
		"PASSWD: {hunter2",
		"api_token.x: hunter2",
		"password: {secret: a}, token: hunter2",
		"private_key: hunter2",
	} {
		var list problem.List
		schema.Parse("f", []byte("a: [\n"+line+"\n"), &list)
		list.Addf(problem.Place{File: "f", Line: 2, Column: 1}, "", "here")
		text := list.Problems().String()
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "***") {
			t.Errorf("%s:\n%s", line, text)
		}
	}
	for _, line := range []string{"password: {secret: bmc/web1}", "password:", "password: # later", "compass: north"} {
		var list problem.List
		schema.Parse("f", []byte(line), &list)
		list.Addf(problem.Place{File: "f", Line: 1, Column: 1}, "", "here")
		if text := list.Problems().String(); !strings.Contains(text, line) {
			t.Errorf("%s is hidden:\n%s", line, text)
		}
	}
}

// A value that its reader hides is hidden on all its lines, in any style.
func TestHide(t *testing.T) {
	for _, text := range []string{
		"key: hunter2\n",
		"key: 'one\n  hunter2\n  hunter2'\n",
		"key: |\n  one\n  hunter2\n",
		"key: >-\n  hunter2\n  hunter2\n",
		"key: one\n  hunter2\n",
		"{key: 'one\nhunter2'}\n",
		"key:\n  - hunter2\n  - a: hunter2\n",
		"key: {a: hunter2}\n",
	} {
		var list problem.List
		root, ok := schema.Parse("f", []byte(text), &list)
		if !ok {
			t.Fatal(list.Problems())
		}
		root.Fields("top", schema.Fields{"key": func(n schema.Node) { n.Hide() }})
		for i := range strings.Count(text, "\n") {
			list.Addf(problem.Place{File: "f", Line: i + 1, Column: 1}, "", "here")
		}
		if shown := list.Problems().String(); strings.Contains(shown, "hunter2") {
			t.Errorf("%q:\n%s", text, shown)
		}
	}
}
