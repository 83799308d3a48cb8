package role

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSeveralRoles: the roles of a host are compiled as if one role included them in this
// order; a role that comes twice, or is also included, counts once.
func TestSeveralRoles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base":   "resources:\n  - package: ca-certificates\n  - package: nginx\nchecks:\n  - http: {port: 81}\n",
		"web":    "include: [base]\nparameters: {name: {default: shop}}\nresources:\n  - file: /srv/${param.name}\n    content: x\n    require: package[nginx]\n  - service: nginx\n",
		"more":   "resources:\n  - file: /etc/more\n    content: x\n    notify: service[nginx]\n",
		"other":  "resources:\n  - file: /etc/more\n    content: y\n",
		"broken": "resources:\n  - fiel: /x\n",
		"over":   "include: [broken]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, _ := Load(dir)
	for _, c := range []struct {
		roles, ids string
		checks     int
		err        string
	}{
		{"web", "package[ca-certificates] package[nginx] file[/srv/shop] service[nginx]", 1, ""},
		{"base web", "package[ca-certificates] package[nginx] file[/srv/shop] service[nginx]", 1, ""},
		{"web base web", "package[ca-certificates] package[nginx] file[/srv/shop] service[nginx]", 1, ""},
		{"more web", "file[/etc/more] package[ca-certificates] package[nginx] file[/srv/shop] service[nginx]", 1, ""},
		{"web more", "package[ca-certificates] package[nginx] file[/srv/shop] file[/etc/more] service[nginx]", 1, ""},
		{"", "", 0, ""},
		{"more base", "", 0, "roles/more.yaml:4:13: notify: there is no service[nginx]"},
		{"more other", "", 0, "roles/other.yaml:2:5: file[/etc/more] is declared differently at roles/more.yaml:2:5"},
		{"base webb", "", 0, `there is no role "webb": did you mean "web"?`},
		{"base broken", "", 0, "role broken has problems: mend roles/broken.yaml"},
		{"base over", "", 0, "role over includes broken, which has problems"},
	} {
		t.Run(c.roles, func(t *testing.T) {
			names := strings.Fields(c.roles)
			got, err := set.Compile(names, testInput(""))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.ids, strings.Join(idsOf(got), " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(got.Checks) != c.checks || got.Catalog.Role != strings.Join(names, ", ") {
				t.Errorf("%d checks, role %q", len(got.Checks), got.Catalog.Role)
			}
		})
	}
}

// TestTooManyRoles: the bound on a host's roles counts its own roles, too.
func TestTooManyRoles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("leaf", "parameters: {n: {default: \"\"}}\n")
	var includes strings.Builder
	for i := range maxIncludes {
		fmt.Fprintf(&includes, "  - {role: leaf, with: {n: x%d}}\n", i)
	}
	var names []string
	for i := range 4 {
		name := fmt.Sprintf("r%d", i)
		write(name, "include:\n"+includes.String())
		names = append(names, name)
	}
	// 4×201 + 196 roles without includes: the next is the 1,001st.
	for i := range 197 {
		name := fmt.Sprintf("s%d", i)
		write(name, "resources: []\n")
		names = append(names, name)
	}
	set, problems := Load(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, err := set.Compile(names[:len(names)-1], testInput("")); err != nil {
		t.Error(err)
	}
	if _, err := set.Compile(names, testInput("")); err == nil || !strings.Contains(err.Error(), "roles/s196.yaml: host web1 has more than 1000 roles") {
		t.Errorf("%v", err)
	}
}
