package role

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision/catalog"
)

var update = flag.Bool("update", false, "write the goldens anew")

func testInput(dir string) Input {
	return Input{
		Host: &inventory.Host{
			Name: "web1", Address: netip.MustParseAddr("10.77.0.11"), Group: "web",
			MACs: []inventory.MAC{{0x52, 0x54, 0, 0, 0, 1}},
			Variables: map[string]any{
				"colour": "green", "app": "rackhand-demo", "run": "no", "port": "8080", "mode": "0644",
				"words": []any{"nginx", "-t"}, "nested": map[string]any{"deep": map[string]any{"er": "x"}},
			},
		},
		Appliance: "http://10.77.0.1",
		Source: func(name string) (Source, error) {
			b, err := os.ReadFile(filepath.Join(dir, "templates", name))
			return Source{Text: string(b)}, err
		},
		Render: func(name string, data any, secret func(string) (string, error)) (string, error) {
			text, err := os.ReadFile(filepath.Join(dir, "templates", name))
			if err != nil {
				return "", err
			}
			return render(name, string(text), data, secret)
		},
		Secret: func(name string) (string, error) {
			if name != "app/password" {
				return "", fmt.Errorf("there is no such secret")
			}
			return "hunter2", nil
		},
	}
}

// render renders the text of a template.
func render(name, text string, data any, secret func(string) (string, error)) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"secret": secret}).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, data)
	return b.String(), err
}

func TestCompileGolden(t *testing.T) {
	const dir = "testdata/web"
	set, problems := Load(filepath.Join(dir, "roles"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got, err := set.Compile([]string{"web"}, testInput(dir))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join(dir, "golden.json")
	if *update {
		if err := os.WriteFile(golden, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(b)+"\n"); diff != "" {
		t.Errorf("compiled (-want +got):\n%s", diff)
	}
	again, err := set.Compile([]string{"web"}, testInput(dir))
	if err != nil || again.Catalog.Version != got.Catalog.Version {
		t.Errorf("compiled again: version %v, error %v; want %s", again, err, got.Catalog.Version)
	}
}

// compileText compiles a role that is given as text.
func compileText(t *testing.T, text string, change func(*Input)) (*Compiled, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"roles/r.yaml":          text,
		"templates/secret.txt":  `pw={{ secret "app/password" }}`,
		"templates/missing.txt": `{{ .Var.nothing }}`,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, problems := Load(filepath.Join(dir, "roles"))
	if len(problems) > 0 {
		return nil, problems
	}
	in := testInput(dir)
	if change != nil {
		change(&in)
	}
	return set.Compile([]string{"r"}, in)
}

func idsOf(c *Compiled) []string {
	var out []string
	for _, r := range c.Catalog.Resources {
		out = append(out, r.ID)
	}
	return out
}

func TestOrder(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{
			"as written", `
resources:
  - service: b
  - package: a
  - file: /x
    content: ""
`, []string{"service[b]", "package[a]", "file[/x]"},
		},
		{
			"require moves back, the others stay", `
resources:
  - file: /x
    content: ""
    require: service[s]
  - file: /y
    content: ""
  - service: s
  - file: /z
    content: ""
`, []string{"file[/y]", "service[s]", "file[/x]", "file[/z]"},
		},
		{
			"parent directory first", `
resources:
  - file: /srv/www/index.html
    content: ""
  - file: /srv/
    ensure: directory
`, []string{"file[/srv]", "file[/srv/www/index.html]"},
		},
		{
			"what is in a directory goes first", `
resources:
  - file: /srv
    ensure: absent
  - file: /srv/x
    ensure: absent
`, []string{"file[/srv/x]", "file[/srv]"},
		},
		{
			"a service that is notified comes after", `
resources:
  - service: s
  - file: /x
    content: ""
    notify: service[s]
`, []string{"file[/x]", "service[s]"},
		},
		{
			"an explicit require beats package before file", `
resources:
  - package: nginx
    require: file[/etc/apt/preferences.d/nginx]
  - file: /etc/apt/preferences.d/nginx
    content: ""
  - file: /etc/nginx/x
    content: ""
`, []string{"file[/etc/apt/preferences.d/nginx]", "package[nginx]", "file[/etc/nginx/x]"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := compileText(t, tt.text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, idsOf(c)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAutomaticRequires(t *testing.T) {
	c, err := compileText(t, `
resources:
  - package: nginx
  - service: nginx
  - service: other
  - file: /etc/nginx/a/b.conf
    content: ""
  - file: /etc/nginx/a
    ensure: directory
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, r := range c.Catalog.Resources {
		got[r.ID] = r.Require
	}
	want := map[string][]string{
		"package[nginx]":            nil,
		"service[nginx]":            {"package[nginx]"},
		"service[other]":            nil,
		"file[/etc/nginx/a]":        {"package[nginx]"},
		"file[/etc/nginx/a/b.conf]": {"file[/etc/nginx/a]", "package[nginx]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("require (-want +got):\n%s", diff)
	}
}

func TestSubstitution(t *testing.T) {
	c, err := compileText(t, `
resources:
  - file: /x/${host.name}/${host.mac}
    content: "${host.address} ${host.group} ${var.nested.deep.er} ${appliance.url} $${var.x} $uri"
    mode: ${var.mode}
    validate: ${var.words}
    owner: NO
  - file: /number
    content: 1.10
  - file: /secret
    template: secret.txt
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Catalog.Resources
	want := []catalog.File{
		{
			Path: "/x/web1/52:54:00:00:00:01", Ensure: "file", Mode: "0644", Owner: "NO",
			Content: "10.77.0.11 web x http://10.77.0.1 ${var.x} $uri", Validate: []string{"nginx", "-t"},
		},
		{Path: "/number", Ensure: "file", Content: "1.10"},
		{Path: "/secret", Ensure: "file", Content: "pw=hunter2", Sensitive: true},
	}
	for i := range want {
		if diff := cmp.Diff(&want[i], got[i].File); diff != "" {
			t.Errorf("file (-want +got):\n%s", diff)
		}
	}
}

func TestIdenticalDeclarationsMerge(t *testing.T) {
	c, err := compileText(t, `
resources:
  - package: a
    notify: service[x]
  - package: a
    notify: service[y]
  - service: x
  - service: y
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Catalog.Resources[0].Notify; !slices.Equal(got, []string{"service[x]", "service[y]"}) || len(c.Catalog.Resources) != 3 {
		t.Errorf("got %v, notify %v", idsOf(c), got)
	}
}
