package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func line(name, path, text string) catalog.Resource {
	return catalog.Resource{Line: &catalog.Line{Name: name, Edited: catalog.Edited{Path: path}, Ensure: catalog.Present, Text: text}}
}

// Two edits of one file work one after the other, and a dry run says what each would do.
func TestEditsOfOneFile(t *testing.T) {
	h := newHost(t)
	h.write("/etc/x", "a\n", 0o640)
	all := []catalog.Resource{
		line("one", "/etc/x", "b"),
		{Line: &catalog.Line{Name: "two", Edited: catalog.Edited{Path: "/etc/x"}, Ensure: catalog.Present, Text: "c", Match: "^b"}},
		{INI: &catalog.INI{Name: "three", Edited: catalog.Edited{Path: "/etc/x"}, Ensure: catalog.Present, Key: "k", Value: "v"}},
	}
	want := []string{"line 2 added", "line 2 replaced", "line 3 added"}
	h.is(h.dry(all...), want...) // without diffs: not everyone may read it
	if got := h.read("/etc/x"); got != "a\n" {
		t.Errorf("the dry run made it %q", got)
	}
	if err := os.Chmod(filepath.Join(h.root, "etc/x"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.is(h.dry(all...), "line 2 added|+b", "line 2 replaced|-b|+c", "line 3 added|+k = v")
	h.is([]string{h.converge(all[0]), h.converge(all[1]), h.converge(all[2])}, want...)
	if got := h.read("/etc/x"); got != "a\nc\nk = v\n" {
		t.Errorf("it is %q", got)
	}
}

func TestEditOfWhatIsNotThere(t *testing.T) {
	h := newHost(t)
	h.is(h.dry(line("x", "/etc/x", "b")), "error: there is no /etc/x: declare file[/etc/x]…")
	gone := line("x", "/etc/x", "b")
	gone.Line.Ensure = catalog.Absent
	made := line("x", "/etc/x", "b")
	made.Line.Create, made.Line.Mode = true, "0600"
	far := line("x", "/none/x", "b")
	far.Line.Create = true
	h.is(h.dry(gone, made, line("y", "/etc/x", "c"), far), "", "made, 2 bytes", "line 2 added", "error: directory /none, at none: no such file or directory: declare file[/none]…")
	h.is([]string{h.converge(made), h.converge(made)}, "made, 2 bytes", "")
	if info, err := os.Stat(filepath.Join(h.root, "etc/x")); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

// Neither a link nor a large file nor a refused one is written.
func TestEditRefused(t *testing.T) {
	h := newHost(t)
	h.write("/etc/real", "a\n", 0o644)
	h.write("/etc/large", strings.Repeat("x", catalog.MaxEdited+1), 0o644)
	h.write("/etc/full", strings.Repeat("x", catalog.MaxEdited-1), 0o644)
	if err := os.Symlink("real", filepath.Join(h.root, "etc/link")); err != nil {
		t.Fatal(err)
	}
	refused := line("x", "/etc/real", "b")
	refused.Line.Validate = []string{"grep", "-q", "c", "%s"}
	h.is(
		[]string{h.converge(line("x", "/etc/link", "b")), h.converge(line("x", "/etc/large", "b")), h.converge(line("x", "/etc/full", "b")), h.converge(refused)},
		"error: /etc/link is a symbolic link, and is not followed…", "error: reading /etc/large: it is larger than 1048576 bytes…",
		"error: with it, /etc/full would have more than 1048576 bytes", "error: grep refuses the new content…",
	)
	if got := h.read("/etc/real"); got != "a\n" {
		t.Errorf("it is %q", got)
	}
}
