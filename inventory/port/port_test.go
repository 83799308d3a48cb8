package port

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rackhand/inventory"
)

var update = flag.Bool("update", false, "rewrite the golden parts")

// unpack writes an archive's files into a folder, but for those that are golden.
func unpack(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if strings.HasSuffix(f.Name, ".yaml") {
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func part(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// golden compares parts of an archive, or writes them.
func golden(t *testing.T, path string, a *txtar.Archive, got map[string][]byte) {
	t.Helper()
	if *update {
		a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { _, ok := got[f.Name]; return ok })
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range got {
				if !yield(name) {
					return
				}
			}
		}) {
			a.Files = append(a.Files, txtar.File{Name: name, Data: got[name]})
		}
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name, data := range got {
		if diff := cmp.Diff(string(part(a, name)), string(data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Every archive holds an inventory, a table, and what comes of it: a file that the
// inventory takes, or problems at the table's lines.
func TestImport(t *testing.T) {
	paths, err := filepath.Glob("testdata/import-*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives (%v)", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, a)
			var opt ImportOptions
			for _, line := range strings.Split(string(a.Comment), "\n") {
				if group, ok := strings.CutPrefix(line, "group="); ok {
					opt.Group = group
				}
				if network, ok := strings.CutPrefix(line, "network="); ok {
					opt.Network = network
				}
			}
			table, problems := ReadCSV("hosts.csv", bytes.NewReader(part(a, "hosts.csv")))
			var done Import
			if table != nil {
				done, problems = table.Plan(dir, inventory.Options{}, opt)
			}
			summary := "added " + strings.Join(done.Added, " ") + "; present " + strings.Join(done.Present, " ") + "\n"
			if len(problems) > 0 {
				summary = problems.String()
			}
			golden(t, path, a, map[string][]byte{"yaml": done.YAML, "said": []byte(summary)})
			if len(problems) > 0 {
				return
			}
			// The result loads, and a second import finds all of it there.
			if err := os.WriteFile(filepath.Join(dir, "imported.yaml"), done.YAML, 0o644); err != nil {
				t.Fatal(err)
			}
			table, _ = ReadCSV("hosts.csv", bytes.NewReader(part(a, "hosts.csv")))
			again, problems := table.Plan(dir, inventory.Options{}, opt)
			if len(problems) > 0 || again.YAML != nil || len(again.Present) != len(done.Added)+len(done.Present) {
				t.Errorf("a second import: %+v, %s", again, problems)
			}
		})
	}
}

func TestExport(t *testing.T) {
	const path = "testdata/export.txtar"
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := inventory.Load(unpack(t, a), inventory.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	ansible, err := Ansible(s)
	if err != nil {
		t.Fatal(err)
	}
	prometheus, err := Prometheus(s, 9100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{"ansible.json": ansible, "prometheus.json": prometheus, "hosts": Hosts(s)}
	golden(t, path, a, got)
	for name, data := range got {
		if bytes.Contains(data, []byte("hunter2")) {
			t.Errorf("%s shows a secret's name", name)
		}
	}
	empty := &inventory.Snapshot{}
	if data, err := Prometheus(empty, 1); err != nil || string(data) != "[]\n" {
		t.Errorf("no hosts: %s, %v", data, err)
	}
}

// Two groups with one name for Ansible are reported, and not mixed.
func TestAnsibleClash(t *testing.T) {
	s, problems := inventory.Parse("a.yaml", []byte(`
networks: {n: {subnet: 10.1.0.0/24}}
groups: {web-1: {}, web_1: {}}
hosts:
  a: {mac: 52:54:00:00:00:01, address: 10.1.0.11, group: web-1}
  b: {mac: 52:54:00:00:00:02, address: 10.1.0.12, group: web_1}
`), inventory.Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := Ansible(s); err == nil || !strings.Contains(err.Error(), "rename one") {
		t.Errorf("got %v", err)
	}
}

func FuzzReadCSV(f *testing.F) {
	paths, err := filepath.Glob("testdata/import-*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(part(a, "hosts.csv"))
	}
	dir := f.TempDir()
	base := "networks: {n: {subnet: 10.1.0.0/24, gateway: 10.1.0.1}}\ngroups: {web: {}}\ndefaults: {bmc: {user: a, password: {secret: b}}}\nhosts: {there: {mac: 52:54:00:00:00:99, address: 10.1.0.99}}\n"
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(base), 0o644); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, problems := ReadCSV("hosts.csv", bytes.NewReader(data))
		if (table == nil) != (len(problems) > 0) {
			t.Fatalf("table %v with problems %v", table, problems)
		}
		if table == nil {
			_ = problems.String()
			return
		}
		done, problems := table.Plan(dir, inventory.Options{}, ImportOptions{})
		if len(problems) > 0 {
			_ = problems.String()
			return
		}
		if done.YAML == nil {
			return
		}
		// It is taken, and holds as many hosts as it says.
		s, problems := inventory.LoadWithFile(dir, inventory.Options{}, "b.yaml", done.YAML)
		if len(problems) > 0 || len(s.Hosts) != 1+len(done.Added) {
			t.Fatalf("%s\n%s", problems, done.YAML)
		}
	})
}
