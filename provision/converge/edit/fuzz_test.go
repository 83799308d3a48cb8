package edit

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// FuzzEdit: an edit, applied to its own result, changes nothing, and the lines that it doesn't
// name stay as they are.
func FuzzEdit(f *testing.F) {
	f.Add([]byte("a\r\n#k = 1\nk = 2\\\n  x"), "k = v", "^#?k", "[s]", true)
	f.Add([]byte("[s]\n# BEGIN rackhand n\nx\n# END rackhand n"), "x\ny", "[", "s", false)
	f.Add([]byte("[s]\n  k = 1\n; k = 2\n\n[t]\nk"), "k", "v", "s", true)
	f.Add([]byte("# x\npty "+alice+" x\n\t"+alice+"\n"+bob), "alice", "pty", `from="a b"`, false)
	f.Fuzz(func(t *testing.T, text []byte, line, pattern, section string, multiple bool) {
		where := catalog.Edited{Path: "/f"}
		for _, ensure := range []string{catalog.Present, catalog.Absent} {
			l := &catalog.Line{Name: "n", Edited: where, Ensure: ensure, Text: line, Match: pattern, Multiple: multiple}
			b := &catalog.Block{Name: "n", Edited: where, Ensure: ensure}
			i := &catalog.INI{Name: "n", Edited: where, Ensure: ensure, Section: section, Key: line, Multiple: multiple}
			if ensure == catalog.Present {
				b.Content, b.InsertAfter, i.Value = line, pattern, pattern
			}
			check(t, catalog.Resource{Line: l}, text, func(x []byte) ([]byte, []string, error) { return Line(x, l) })
			check(t, catalog.Resource{Block: b}, text, func(x []byte) ([]byte, []string, error) { return Block(x, b) })
			k := &catalog.AuthorizedKey{Name: line, Ensure: ensure, User: "x", Key: alice, Exclusive: multiple && ensure == catalog.Present}
			if ensure == catalog.Present {
				k.Options = []string{pattern, section}
			}
			check(t, catalog.Resource{AuthorizedKey: k}, text, func(x []byte) ([]byte, []string, error) { return Key(x, k) })
			check(t, catalog.Resource{INI: i}, text, func(x []byte) ([]byte, []string, error) { return INI(x, i) })
		}
	})
}

func check(t *testing.T, r catalog.Resource, in []byte, edit func([]byte) ([]byte, []string, error)) {
	t.Helper()
	kind, s := r.Kind()
	r.ID = catalog.ID(kind, s.Title())
	if r.Validate() != nil {
		return
	}
	out, did, err := edit(bytes.Clone(in))
	if err != nil {
		return
	}
	if (did == nil) != bytes.Equal(in, out) {
		t.Fatalf("%s: did %q, and %q became %q", kind, did, in, out)
	}
	if a, b := rest(r, in), rest(r, out); !slices.Equal(a, b) {
		t.Fatalf("%s: %q became %q: the rest was %q and is %q", kind, in, out, a, b)
	}
	if again, did, err := edit(bytes.Clone(out)); err != nil || did != nil || !bytes.Equal(again, out) {
		t.Fatalf("%s: %q became %q, and then %q, %q, %v", kind, in, out, again, did, err)
	}
}

// rest are the lines of a text that a resource doesn't name.
func rest(r catalog.Resource, text []byte) (out []string) {
	d := split(text)
	inBlock, section := false, ""
	for _, row := range d.rows {
		line := strings.TrimRight(row.text, "\r")
		named := false
		switch {
		case r.Line != nil:
			named = line == r.Line.Text || r.Line.Match != "" && regexp.MustCompile(r.Line.Match).MatchString(row.text)
		case r.Block != nil:
			trimmed := strings.TrimSpace(line)
			named = inBlock || trimmed == r.Block.Begin()
			inBlock = named && trimmed != r.Block.End()
		case r.AuthorizedKey != nil:
			k, ok := readKey(row.text)
			named = k.key == alice || ok && r.AuthorizedKey.Exclusive
		default:
			name, ok := sectionName(strings.TrimSpace(line))
			if ok {
				section = name
			}
			f := ini{INI: r.INI, sign: strings.TrimSpace(r.INI.Between())}
			named = strings.TrimSpace(line) == "" || ok && name == r.INI.Section || section == r.INI.Section && f.isKey(line)
		}
		if !named {
			out = append(out, line)
		}
	}
	return out
}
