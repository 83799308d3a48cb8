package converge

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func editLine(path, text string) catalog.Resource {
	return catalog.Resource{ID: "line[" + text + "]", Line: &catalog.Line{Name: text, Edited: catalog.Edited{Path: path}, Ensure: catalog.Present, Text: text}}
}

// A dry run knows what earlier resources would make of a file, or says that it can't know.
func TestDryRunOfEdits(t *testing.T) {
	f := newFakes(t)
	f.write("root/etc/there", "old\n")
	f.write("upstream", "a\n")
	f.write("index", "a\n")
	secret, large, gone := file("/etc/secret", "x\n"), file("/etc/large", ""), file("/etc/there", "")
	secret.File.Sensitive = true
	large.File.SHA256, large.File.Size = catalog.Sum("x"), 1
	gone.File.Ensure = catalog.Absent
	refused := editLine("/etc/refused", "x")
	all := []catalog.Resource{
		editLine("/etc/none", "x"),
		pkg("a", "present"),
		file("/etc/new", "x\n"), editLine("/etc/new", "x"), editLine("/etc/new", "y"), editLine("/etc/new", "z"),
		secret, editLine("/etc/secret", "s"),
		large, editLine("/etc/large", "l"),
		gone, editLine("/etc/there", "g"),
		refused,
	}
	all[0].ID, all[0].Line.Name = "line[none]", "none"
	all[3].ID, all[3].Line.Name = "line[has]", "has"
	got := f.engine().Converge(t.Context(), &catalog.Catalog{Resources: all}, f.state(), true)
	want := []string{
		"failed there is no /etc/none", "changed", "changed made", "ok", "changed line 2 added", "changed line 3 added",
		"changed made", "unknown until file[/etc/secret] is made", "changed made", "unknown until file[/etc/large] is made",
		"changed removed", "unknown until file[/etc/there] is made", "unknown until package[a] is made",
	}
	for i, r := range got {
		if text := r.Status + " " + r.Message; !strings.HasPrefix(text, want[i]) {
			t.Errorf("%s: %s; want %s", r.ID, text, want[i])
		}
	}
	if d := got[5].Diff; !strings.Contains(d, " y\n+z\n") || got[7].Diff != "" {
		t.Errorf("diffs:\n%s\n%s", d, got[7].Diff)
	}
	real := f.engine().Converge(t.Context(), &catalog.Catalog{Resources: all[2:6]}, f.state(), false)
	if got := f.read("root/etc/new"); got != "x\ny\nz\n" || real[1].Status != catalog.OK {
		t.Errorf("the run: %q, %+v", got, real)
	}
}
