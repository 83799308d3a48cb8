package role

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/inventory"
)

// TestSecretVariables: a variable that names a secret may stand where a secret may,
// makes its file sensitive, and reaches nothing else.
func TestSecretVariables(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "templates"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"raw": "{{ .Var.password }}", "deep": "{{ .Var.db.password }}", "asked": `{{ if .Var.password }}{{ secret "app/password" }}{{ end }}`} {
		if err := os.WriteFile(filepath.Join(dir, "templates", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with := func(in *Input) {
		*in = testInput(dir)
		in.Host.Variables["password"] = inventory.SecretRef("app/password")
		in.Host.Variables["gone"] = inventory.SecretRef("app/gone")
		in.Host.Variables["all"] = []any{"x", inventory.SecretRef("app/password")}
		in.Host.Variables["db"] = map[string]any{"password": inventory.SecretRef("app/password")}
	}
	for field, want := range map[string]string{
		`content: "pw=${var.password}"`:    "pw=hunter2",
		`content: "pw=${var.db.password}"`: "pw=hunter2",
		`template: asked`:                  "hunter2",
	} {
		c, err := compileText(t, "resources:\n  - file: /etc/x\n    "+field+"\n", with)
		if err != nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		if f := c.Catalog.Resources[0].File; f.Content != want || !f.Sensitive {
			t.Errorf("%s: %+v", field, f)
		}
	}
	for text, want := range map[string]string{
		"- file: /etc/x\n    content: x\n    owner: ${var.password}": "can't stand here",
		"- package: ${var.password}":                                 "can't stand here",
		"- package: x\n    notify: ${var.all}":                       "can't stand here",
		"- file: /etc/x\n    content: ${var.gone}":                   "no such secret",
		"- file: /etc/x\n    content: ${var.db}":                     "a mapping",
		"- file: /etc/x\n    template: raw":                          "can't print {{.Var.password}} of type role.secretNeedsVar",
		"- file: /etc/x\n    template: deep":                         "can't print {{.Var.db.password}}",
		"- file: /etc/x\n    content: x\n    mode: ${var.all}":       "",
	} {
		_, err := compileText(t, "resources:\n  "+text+"\n", with)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}
