package edit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory"
)

// read reads a file as the inventory's loader does, into plain maps.
func read(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var list problem.List
	root, ok := schema.Parse("f", text, &list)
	if !ok || list.Len() > 0 {
		t.Fatalf("the loader can't read it: %v\n%s", list.Problems(), text)
	}
	m, ok := root.Any().(map[string]any)
	if !ok {
		t.Fatalf("it reads as %v", root.Any())
	}
	return m
}

// set changes the maps as an edit must change the file.
func set(m map[string]any, path Path, value any) {
	for _, key := range path[:len(path)-1] {
		inner, ok := m[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[key] = inner
		}
		m = inner
	}
	m[path.last()] = value
}

// prune takes away what is empty: the loader makes no difference between hosts:,
// hosts: {} and no hosts at all.
func prune(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for key, value := range m {
		if value = prune(value); value != nil && value != "" {
			out[key] = value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// paths lists the ways to all values of a kind, sorted.
func paths(m map[string]any, at Path, leaves, mappings bool) []Path {
	var all []Path
	for key, value := range m {
		p := append(slices.Clone(at), key)
		if inner, ok := value.(map[string]any); ok {
			if mappings {
				all = append(all, p)
			}
			all = append(all, paths(inner, p, leaves, mappings)...)
		} else if leaves {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, slices.Compare[Path])
	return all
}

// words are values of which many need quotes somewhere.
var words = []string{
	"web", "0644", "NO", "1.10", "10.77.0.99", "52:54:00:00:00:99", "null", "~", "", " ", "a b", "a: b", "a # b", "#a", "- a", "-a", "a, b", "[a]", "{a}",
	"it's", `"a"`, "a\nb\n", "\ta", "ümläut", "*a", "&a", "!a", "%a", "@a", "`a", "?", "? a", ":", "a:", "|", ">", "=", "<<", "---", "--- a", "...", "\x1b[31m", "\u2028", "\u0085", "\ufeff", "🦀", "true", ".inf", "2026-11-22", "12:30:45", strings.Repeat("long ", 60),
}

// randomEdit makes one random edit of what a file holds: what to do, and what it does
// to the maps.
func randomEdit(r *rand.Rand, have map[string]any) (what string, p Path, do func([]byte) (Result, error), after func(map[string]any)) {
	pick := func(ps []Path) Path { return ps[r.IntN(len(ps))] }
	word := func() string { return words[r.IntN(len(words))] }
	switch kind := r.IntN(10); {
	case kind < 4: // another value
		p := pick(paths(have, nil, true, false))
		w, inner := word(), have
		for _, key := range p[:len(p)-1] {
			inner = inner[key].(map[string]any)
		}
		var value any = w
		if _, list := inner[p.last()].([]any); list {
			value = []any{w}
		}
		return fmt.Sprintf("set %s %q", p, w), p, func(b []byte) (Result, error) { return Set(b, p, w) }, func(m map[string]any) { set(m, p, value) }
	case kind < 5: // a list
		p := pick(paths(have, nil, true, false))
		a, b := word(), word()
		return fmt.Sprintf("set %s %q %q", p, a, b), p, func(text []byte) (Result, error) { return Set(text, p, a, b) }, func(m map[string]any) { set(m, p, []any{a, b}) }
	case kind < 7: // a new key, perhaps in a new mapping
		p := append(slices.Clone(pick(paths(have, nil, false, true))), fmt.Sprintf("new%d", r.IntN(1000)))
		if r.IntN(3) == 0 {
			p = append(p, "deep")
		}
		w := word()
		return fmt.Sprintf("set %s %q", p, w), p, func(b []byte) (Result, error) { return Set(b, p, w) }, func(m map[string]any) { set(m, p, w) }
	case kind < 9:
		p := pick(paths(have, nil, true, true))
		return "remove " + p.String(), p, func(b []byte) (Result, error) { return Remove(b, p) }, func(m map[string]any) {
			for _, key := range p[:len(p)-1] {
				m = m[key].(map[string]any)
			}
			delete(m, p.last())
		}
	}
	name := fmt.Sprintf("box%d", r.IntN(100000))
	p = Path{"hosts", name}
	fields := []Field{{Key: "mac", Values: []string{"52:54:00:00:01:00"}}, {Key: "address", Values: []string{"10.77.0.100"}}}
	return "claim " + name, p, func(b []byte) (Result, error) { return Add(b, p, fields) }, func(m map[string]any) {
		set(m, p, map[string]any{"mac": "52:54:00:00:01:00", "address": "10.77.0.100"})
	}
}

// Random edits of a heavily commented file: each leaves every byte outside of the
// span that it was to change in its place, and the loader reads exactly the wanted values.
// Every tenth edit starts from the original file. The others continue from the result of
// the edits before.
func TestSplices(t *testing.T) {
	original, err := os.ReadFile("testdata/commented.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"LF":            original,
		"CR LF":         bytes.ReplaceAll(original, []byte("\n"), []byte("\r\n")),
		"no last break": bytes.TrimRight(original, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(4, 200))
			now := text
			for i := range 200 {
				if i%10 == 0 {
					now = text
				}
				want := read(t, now)
				what, path, do, after := randomEdit(r, read(t, now))
				got, err := do(now)
				if err != nil {
					t.Fatalf("edit %d, %s: %v\n%s", i, what, err, now)
				}
				after(want)
				if diff := cmp.Diff(prune(want), prune(read(t, got.Text))); diff != "" {
					t.Fatalf("edit %d, %s: -want +got:\n%s\n%s", i, what, diff, got.Text)
				}
				untouched(t, what, now, got)
				withinSpan(t, what, now, got.Text, path)
				now = got.Text
			}
		})
	}
}

// untouched proves that the bytes between the splices are those of before: what
// stands before the first and behind the last one, and between them, is equal, in
// order.
func untouched(t testing.TB, what string, before []byte, r Result) {
	t.Helper()
	from, at := 0, 0
	for _, s := range r.Splices {
		if s.Start < from || s.End < s.Start || s.End > len(before) {
			t.Fatalf("%s: splice %+v is out of order or bounds", what, s)
		}
		kept := before[from:s.Start]
		if !bytes.HasPrefix(r.Text[at:], kept) {
			t.Fatalf("%s: bytes %d to %d changed", what, from, s.Start)
		}
		at += len(kept)
		if !bytes.HasPrefix(r.Text[at:], []byte(s.Text)) {
			t.Fatalf("%s: the new text isn't at %d", what, at)
		}
		at += len(s.Text)
		from = s.End
	}
	if !bytes.Equal(before[from:], r.Text[at:]) {
		t.Fatalf("%s: bytes behind %d changed", what, from)
	}
}

// The value in each place of the file can be set and removed, and only its lines
// differ.
func TestEveryPlace(t *testing.T) {
	text, err := os.ReadFile("testdata/commented.yaml")
	if err != nil {
		t.Fatal(err)
	}
	have := read(t, text)
	for _, p := range paths(have, nil, true, true) {
		r, err := Remove(text, p)
		if err != nil {
			t.Errorf("remove %s: %v", p, err)
			continue
		}
		untouched(t, "remove "+p.String(), text, r)
		// A removed value can be put back, if it was one text.
		if _, err := Set(r.Text, p, "x"); err != nil {
			t.Errorf("set %s after its removal: %v", p, err)
		}
	}
	// A removal only takes the comments within the removed text.
	for p, comments := range map[string]int{"hosts.web2": 1, "hosts.web1": 4, "hosts.db1.group": 1, "networks.rack1.gateway": 1, "groups.db": 3} {
		path, _ := ParsePath(p)
		r, err := Remove(text, path)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), " # ") - strings.Count(string(r.Text), " # "); got != comments {
			t.Logf("%s", diff("f", text, r.Text))
			t.Errorf("remove %s took %d comments, want %d", p, got, comments)
		}
	}
}

// The same of every inventory that the loader's own tests take for good.
func TestEveryGoodInventory(t *testing.T) {
	archives, err := filepath.Glob("../testdata/good/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no inventories: %v", err)
	}
	done := 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range a.Files {
			if !inventory.IsFile(file.Name) || strings.Contains(file.Name, "/") {
				continue
			}
			var list problem.List
			root, ok := schema.Parse(file.Name, file.Data, &list)
			have, isMap := root.Any().(map[string]any)
			if !ok || list.Len() > 0 || !isMap {
				continue // text that is not a mapping
			}
			for _, p := range paths(have, nil, true, true) {
				what := fmt.Sprintf("%s, %s: %s", name, file.Name, p)
				r, err := Remove(file.Data, p)
				if err != nil {
					t.Errorf("remove %s: %v", what, err)
					continue
				}
				untouched(t, what, file.Data, r)
				want := read(t, file.Data)
				in := want
				for _, key := range p[:len(p)-1] {
					in = in[key].(map[string]any)
				}
				delete(in, p.last())
				if diff := cmp.Diff(prune(want), prune(read(t, r.Text))); diff != "" {
					t.Errorf("remove %s: -want +got:\n%s", what, diff)
				}
				done++
			}
			for _, p := range paths(have, nil, true, false) {
				what := fmt.Sprintf("%s, %s: %s", name, file.Name, p)
				r, err := Set(file.Data, p, "x, y")
				if err != nil {
					t.Errorf("set %s: %v", what, err)
					continue
				}
				untouched(t, what, file.Data, r)
				done++
			}
		}
	}
	if done < 100 {
		t.Errorf("only %d edits were tried", done)
	}
	t.Logf("%d edits", done)
}

// The file is an inventory that loads.
func TestCommentedLoads(t *testing.T) {
	text, err := os.ReadFile("testdata/commented.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := inventory.Parse("commented.yaml", text, inventory.Options{}); len(problems) > 0 {
		t.Error(problems)
	}
}
