package edit

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/schema"
)

// do carries out an edit as it is typed: "set PATH VALUE|VALUE", "remove PATH" or
// "claim NAME".
func do(t testing.TB, text, op string) (Result, error) {
	t.Helper()
	verb, rest, _ := strings.Cut(op, " ")
	name, value, given := strings.Cut(rest, " ")
	path, err := ParsePath(name)
	if err != nil {
		t.Fatal(err)
	}
	switch verb {
	case "set":
		var values []string
		if given {
			values = strings.Split(value, "|")
		}
		return Set([]byte(text), path, values...)
	case "remove":
		return Remove([]byte(text), path)
	case "claim":
		return Add([]byte(text), append(Path{"hosts"}, path...), []Field{
			{Key: "mac", Values: []string{"52:54:00:00:00:09"}},
			{Key: "address", Values: []string{"10.77.0.19"}},
			{Key: "group", Values: []string{"web"}},
		})
	}
	t.Fatalf("what is %q?", op)
	return Result{}, nil
}

func TestEdits(t *testing.T) {
	for _, c := range []struct{ name, op, text, want string }{
		{"a value, comment behind", "set hosts.a.role db", "hosts:\n  a:\n    role: web   # why\n    disk: sda\n", "hosts:\n  a:\n    role: db   # why\n    disk: sda\n"},
		{"in brackets", "set hosts.a.role db", "hosts:\n  a: {mac: x, role: web, disk: sda} # c\n", "hosts:\n  a: {mac: x, role: db, disk: sda} # c\n"},
		{"in quotes", "set hosts.a.role db", "hosts:\n  'a': {\"role\": 'it''s', disk: \"a\\\"b\"}\n", "hosts:\n  'a': {\"role\": db, disk: \"a\\\"b\"}\n"},
		{"unchanged", "set a.b c", "a: {b: 'c'}\n", "a: {b: 'c'}\n"},
		{"wide characters", "set ä.ö c", "# ÄÖÜ\nä: {'ö': x, ü: z} # Ü\n", "# ÄÖÜ\nä: {'ö': c, ü: z} # Ü\n"},
		{"nothing there", "set a.b c", "a:\n  b:    # none\n  d: e\n", "a:\n  b: c    # none\n  d: e\n"},
		{"nothing in brackets", "set a.b c", "a: {b: , d: e}\n", "a: {b: c, d: e}\n"},
		{"a key alone in brackets", "set a.b c", "a: {b, d: e}\n", "a: {b: c, d: e}\n"},
		{"a tilde", "set a.b c", "a:\n  b: ~ # none\n", "a:\n  b: c # none\n"},
		{"a folded text", "set a.b c", "a:\n  b: >-  # long\n    one\n    two\n\n    three\n\n  # next\n  d: e\n", "a:\n  b: c  # long\n\n  # next\n  d: e\n"},
		{"a literal that keeps", "set a.b c", "a:\n  b: |+\n    one\n\n\n  d: e\n", "a:\n  b: c\n  d: e\n"},
		{"a text over two lines", "set a.b c", "a:\n  b: one\n    two # z\n  d: e\n", "a:\n  b: c # z\n  d: e\n"},
		{"a quoted text over two lines", "set a.b c", "a:\n  b: \"one\n    two\" # z\n  d: e\n", "a:\n  b: c # z\n  d: e\n"},
		{"needs quotes", "set a.b x: y", "a: {b: c}\n", "a: {b: 'x: y'}\n"},
		{"needs quotes in brackets alone", "set a.b x, y", "a: {b: c}\nd: e\n", "a: {b: 'x, y'}\nd: e\n"},
		{"needs none in a block", "set a.b x, y", "a:\n  b: c\n", "a:\n  b: x, y\n"},
		{"null is a text", "set a.b null", "a:\n  b: c\n", "a:\n  b: 'null'\n"},
		{"a number stays as typed", "set a.b 0644", "a:\n  b: c\n", "a:\n  b: 0644\n"},
		{"a dash", "set a.b -5", "a:\n  b: c\n", "a:\n  b: -5\n"},
		{"two lines", "set a.b one\ntwo\t\"x\"", "a:\n  b: c\n", "a:\n  b: \"one\\ntwo\\t\\\"x\\\"\"\n"},
		{"an empty text", "set a.b ", "a:\n  b: c\n", "a:\n  b: ''\n"},
		{"a list in brackets", "set a.b 1|2", "a:\n  b: [3, 4] # z\n", "a:\n  b: [1, 2] # z\n"},
		{"one value stays a list", "set a.b 1", "a:\n  b: [3, 4] # z\n", "a:\n  b: [1] # z\n"},
		{"a list of dashes", "set a.b 1|2|3", "a:\n  b:\n    - 3 # x\n    - 4 # y\n  c: d\n", "a:\n  b:\n    - 1\n    - 2\n    - 3 # y\n  c: d\n"},
		{"dashes below their key", "set b 1|2", "b:\n- 3\nc: d\n", "b:\n- 1\n- 2\nc: d\n"},
		{"a list of a text", "set a.b 1|x, y", "a:\n  b: 3\n", "a:\n  b: [1, 'x, y']\n"},
		{"CR LF", "set a.e x", "a:\r\n  b: c # z\r\nd: e\r\n", "a:\r\n  b: c # z\r\n  e: x\r\nd: e\r\n"},
		{"a byte order mark", "set a.b x", "\ufeffa: {b: c}\n", "\ufeffa: {b: x}\n"},
		{"tabs before a comment", "set a.b x", "a:\n  b: c\t# z\ty\n", "a:\n  b: x\t# z\ty\n"},
		{"no last line break", "set a.b x", "a:\n  b: c", "a:\n  b: x"},

		{"a new key", "set a.d e", "a:\n  b: c # z\n  # d: old\n\n# next\nf: g\n", "a:\n  b: c # z\n  # d: old\n  d: e\n\n# next\nf: g\n"},
		{"a new key in brackets", "set a.d e", "a: {b: c}\n", "a: {b: c, d: e}\n"},
		{"a new key, a comma behind the last", "set a.d e", "a: {\n  b: c,\n}\n", "a: {\n  b: c,\n  d: e,\n}\n"},
		{"a new key in brackets, a comment", "set a.d e", "a: {\n  b: c # z\n}\n", "a: {\n  b: c, d: e # z\n}\n"},
		{"a new key, no last line break", "set a.d e", "a:\n  b: c", "a:\n  b: c\n  d: e"},
		{"a new key behind a kept text", "set a.d e", "a:\n  b: |+\n    x\n\nf: g\n", "a:\n  b: |+\n    x\n\n  d: e\nf: g\n"},
		{"a new mapping", "set hosts.a.boot.vlan 7", "hosts:\n  a:\n    mac: x\n", "hosts:\n  a:\n    mac: x\n    boot: {vlan: 7}\n"},
		{"a new mapping after a block", "set hosts.a.boot.vlan 7", "hosts:\n  a:\n    bmc:\n      user: x\n", "hosts:\n  a:\n    bmc:\n      user: x\n    boot:\n      vlan: 7\n"},
		{"a new section", "set groups.web.role web", "# top\nhosts:\n  a: {}\n\n# end\n", "# top\nhosts:\n  a: {}\n\n# end\ngroups:\n  web:\n    role: web\n"},
		{"an empty file", "set groups.web.role web", "", "groups:\n  web:\n    role: web\n"},
		{"comments alone", "set groups.web.role web", "# nothing yet\n", "# nothing yet\ngroups:\n  web:\n    role: web\n"},
		{"an empty section", "set groups.web.role web", "groups:   # none\n\nhosts:\n    a:\n        mac: b\n", "groups:   # none\n    web:\n        role: web\n\nhosts:\n    a:\n        mac: b\n"},
		{"an empty pair of brackets", "set groups.web.role web", "groups: {} # none\nb: c\n", "groups: # none\n  web:\n    role: web\nb: c\n"},
		{"brackets in brackets", "set a.b.c d", "a: {b: {}, e: f}\n", "a: {b: {c: d}, e: f}\n"},
		{"empty in brackets", "set a.b.c d", "a: {b: , e: f}\n", "a: {b: {c: d}, e: f}\n"},

		{"claim, block", "claim b", "hosts:\n  a:\n    mac: x\n    rack: {name: r1}  # z\n\ngroups:\n", "hosts:\n  a:\n    mac: x\n    rack: {name: r1}  # z\n  b:\n    mac: 52:54:00:00:00:09\n    address: 10.77.0.19\n    group: web\n\ngroups:\n"},
		{"claim, blank lines between", "claim c", "hosts:\n   a:\n      mac: x\n\n   b:\n      mac: y\n", "hosts:\n   a:\n      mac: x\n\n   b:\n      mac: y\n\n   c:\n      mac: 52:54:00:00:00:09\n      address: 10.77.0.19\n      group: web\n"},
		{"claim, brackets", "claim b", "hosts:\n  a: {mac: x} # z\n  # spare: {mac: y}\n", "hosts:\n  a: {mac: x} # z\n  # spare: {mac: y}\n  b: {mac: 52:54:00:00:00:09, address: 10.77.0.19, group: web}\n"},
		{"claim, padded brackets", "claim b", "hosts:\n  a: { mac: x }\n", "hosts:\n  a: { mac: x }\n  b: { mac: 52:54:00:00:00:09, address: 10.77.0.19, group: web }\n"},
		{"claim, all in brackets", "claim b", "hosts: {a: {mac: x}}\n", "hosts: {a: {mac: x}, b: {mac: 52:54:00:00:00:09, address: 10.77.0.19, group: web}}\n"},
		{"claim, first", "claim b", "hosts:\n  # none yet\n", "hosts:\n  # none yet\n  b:\n    mac: 52:54:00:00:00:09\n    address: 10.77.0.19\n    group: web\n"},
		{"claim, first, tilde", "claim b", "hosts: ~ # none\n", "hosts: # none\n  b:\n    mac: 52:54:00:00:00:09\n    address: 10.77.0.19\n    group: web\n"},

		{"remove", "remove hosts.a", "hosts:\n  # of a\n  a: {mac: x} # z\n  b: {mac: y}\n", "hosts:\n  # of a\n  b: {mac: y}\n"},
		{"remove a block", "remove hosts.a", "hosts:\n  a:\n    # x\n    mac: x\n    # role: y\n  # b\n  b: {mac: y}\n", "hosts:\n  # b\n  b: {mac: y}\n"},
		{"remove the last", "remove hosts.b", "hosts:\n  a: x\n  b: |\n    y\n\n# end\n", "hosts:\n  a: x\n\n# end\n"},
		{"remove the last, no line break", "remove hosts.b", "hosts:\n  a: x\n  b: y", "hosts:\n  a: x"},
		{"remove the only one", "remove hosts.a", "hosts: # z\n  a: x\nb: c\n", "hosts: # z\nb: c\n"},
		{"remove all", "remove hosts", "hosts:\n  a: x", ""},
		{"remove from brackets, first", "remove a.b", "a: {b: c, d: e} # z\n", "a: {d: e} # z\n"},
		{"remove from brackets, last", "remove a.d", "a: {b: c, d: e} # z\n", "a: {b: c} # z\n"},
		{"remove from brackets, only", "remove a.b", "a: {b: c,}\n", "a: {}\n"},
		{"remove a line of brackets", "remove a.b", "a: {\n  b: c,\n  d: e,\n}\n", "a: {\n  d: e,\n}\n"},
		{"remove the last line of brackets", "remove a.d", "a: {\n  b: c, # z\n  d: e,\n}\n", "a: {\n  b: c, # z\n}\n"},
		{"remove CR LF", "remove a.b", "a:\r\n  b: c\r\n  d: e\r\n", "a:\r\n  d: e\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := do(t, c.text, c.op)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got.Text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ name, op, text, want string }{
		{"alias", "set b.c x", "a: &n {c: d}\nb: *n\n", "b is an alias, *n, of the value at line 1"},
		{"anchor", "set a.c x", "a: &n {c: d}\nb: *n\n", "a is shared as &n"},
		{"anchor within", "remove a", "a: {c: &n d}\nb: *n\n", "&n stands in it"},
		{"documents", "set a.b c", "a: {}\n---\nb: c\n", "several documents; a second one begins at line 2"},
		{"syntax", "set a.b c", "a: [\n", "can't be read"},
		{"not UTF-8", "set a.b c", "a: \xff\n", "not UTF-8"},
		{"a list", "set a.0 c", "a: [b]\n", "a is a list"},
		{"a text", "set a.b c", "a: b\n", "a is a text"},
		{"a mapping", "set a c", "a: {b: c}\n", "a is a mapping"},
		{"twice", "set a.b c", "a: {b: c, b: d}\n", "a.b stands in the file twice"},
		{"not there", "remove a.bc", "a: {bcd: c}\n", `there is no a.bc; did you mean "bcd"?`},
		{"not there either", "remove x.y", "a: {bcd: c}\n", "there is no x"},
		{"a tag", "set a.b c", "a: {b: !!str d}\n", "a tag"},
		{"no mapping", "set a.b c", "- a\n", "is a list"},
		{"a root that is text", "set a.b c", "abc\n", "no mapping"},
		{"complex key", "remove a.b", "a:\n  ? b\n  : c\n", "by hand"},
		{"first of a list's entry", "set a.0.b c", "a:\n  - b: c\n", "a is a list"},
		{"no value", "set a", "a: b\n", "no value"},
		{"value that is not UTF-8", "set a.b \xff", "a: {}\n", "not UTF-8"},
		{"claimed", "claim b", "hosts: {b: {}}\n", "hosts.b stands in the file already"},
		{"too big", "set a.b c", strings.Repeat("#\n", schema.MaxSize/2+1), "bigger"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := do(t, c.text, c.op)
			var refusal *Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.200q, %v; want a refusal with %q", got.Text, err, c.want)
			}
		})
	}
}

func TestParsePath(t *testing.T) {
	for text, want := range map[string]Path{
		"hosts.web1.address":         {"hosts", "web1", "address"},
		`systems."rocky9.4".release`: {"systems", "rocky9.4", "release"},
		`hosts."web1"`:               {"hosts", "web1"},
		"a":                          {"a"}, "": nil, "a.": nil, ".a": nil, "a..b": nil, `"a`: nil, `"a"b`: nil, "a.<<": nil, "a\x00": nil, "a\xff": nil, `a"b`: nil,
		strings.Repeat("a", maxKey+1): nil, strings.Repeat("a.", maxSteps) + "a": nil,
	} {
		got, err := ParsePath(text)
		if (err != nil) != (want == nil) || !cmp.Equal(got, want) {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
		if err == nil {
			if again, err := ParsePath(got.String()); err != nil || !cmp.Equal(got, again) {
				t.Errorf("%q: written as %s and read as %q, %v", text, got, again, err)
			}
		}
	}
}
