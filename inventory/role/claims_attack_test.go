package role

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/inventory"
)

// TestAttackByFacts: a host that makes up facts chooses inside its role, and neither a file
// nor a secret that is meant for another host, on whichever way the fact gets there.
func TestAttackByFacts(t *testing.T) {
	const (
		evil = `{"os": {"id": "db.conf"}, "custom": {"secret": "db/password", "list": ["db.conf"], "text": "${secret.db/password} {{ secret \"db/password\" }}",
			"ref": {"secret": "db/password"}, "on": true}}`
		noFile   = "can't choose a file of templates"
		noSecret = "must name its secrets as they are"
	)
	templates := map[string]string{
		"db.conf":      `{{ secret "db/password" }}`,
		"plain.conf":   "{{ .Facts.os.id }}",
		"by-fact.conf": `{{ secret .Facts.custom.secret }}`,
		"built.conf":   `{{ $x := printf "%s/%s" "db" "password" }}{{ if .Facts.custom.on }}{{ secret $x }}{{ end }}`,
		"by-param":     `{{ secret .Param.name }}`,
		"by-item":      `{{ secret .Each.value }}`,
		"literal.conf": `{{ if .Facts.custom.on }}{{ secret "web/key" }}{{ end }}`,
		"of-host.conf": `{{ .Facts.os.id }}{{ secret "own" }}{{ secret (printf "o%s" "wn") }}`,
		"no-facts":     `{{ secret (printf "%s/%s" "db" "password") }}`,
	}
	for name, c := range map[string]struct{ role, want, content string }{
		"a source":                       {"resources:\n  - {file: /x, source: \"${facts.os.id}\"}\n", noFile, ""},
		"a part of a source":             {"resources:\n  - {file: /x, source: \"${facts.os.id}.conf\"}\n", noFile, ""},
		"a template":                     {"resources:\n  - {file: /x, template: \"${facts.os.id}\"}\n", noFile, ""},
		"a template, by a parameter":     {"parameters: {f: {default: \"${facts.os.id}\"}}\nresources:\n  - {file: /x, template: \"${param.f}\"}\n", noFile, ""},
		"a template, by two parameters":  {"parameters: {f: {default: \"${facts.os.id}\"}}\ninclude: [{role: b, with: {g: \"${param.f}\"}}]\n", noFile, ""},
		"a template, by an item":         {"resources:\n  - {file: \"/x${each.key}\", template: \"${each.value}\", each: \"${facts.custom.list}\"}\n", noFile, ""},
		"a template, by a list of lists": {"parameters: {l: {type: list(string), default: \"${facts.custom.list}\"}}\nresources:\n  - {file: \"/x${each.key}\", source: \"${each.value}\", each: \"${param.l}\"}\n", noFile, ""},
		"a template with a default":      {"resources:\n  - {file: /x, template: \"${facts.os.id ?? 'db.conf'}\"}\n", noFile, ""},
		"a source of what isn't there":   {"resources:\n  - {file: /x, source: \"${facts.custom.none ?? 'db.conf'}\"}\n", noFile, ""},
		"a secret":                       {"resources:\n  - {file: /x, template: by-fact.conf}\n", noSecret, ""},
		"a secret that is built":         {"resources:\n  - {file: /x, template: built.conf}\n", noSecret, ""},
		"a secret, by a parameter":       {"parameters: {name: {default: \"${facts.custom.secret}\"}}\nresources:\n  - {file: /x, template: by-param}\n", noSecret, ""},
		"a secret, by an item":           {"resources:\n  - {file: /x, template: by-item, each: [\"${facts.custom.secret}\"]}\n", noSecret, ""},
		"a text is no reference":         {"resources:\n  - {file: /x, content: \"${facts.custom.text}\"}\n", "", "${secret.db/password} {{ secret \"db/password\" }}"},
		"an object is no reference":      {"parameters: {p: {type: map(string), default: \"${facts.custom.ref}\"}}\nresources:\n  - {file: /x, content: \"${param.p.secret}\"}\n", "", "db/password"},
		"a condition":                    {"resources:\n  - {file: /x, template: db.conf, when: facts.custom.on}\n", "", "value of db/password"},
		"a secret by its name":           {"resources:\n  - {file: /x, template: literal.conf}\n", "", "value of web/key"},
		"a secret of the host":           {"resources:\n  - {file: /x, template: of-host.conf}\n", "", "db.confvalue of ownvalue of own"},
		"without a fact in it":           {"resources:\n  - {file: /x, template: no-facts}\n", "", "value of db/password"},
		"facts as text":                  {"resources:\n  - {file: \"/x\", template: plain.conf}\n", "", "db.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range templates {
				if err := os.MkdirAll(filepath.Join(dir, "templates"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "templates", name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			roles := map[string]string{"a": c.role, "b": "parameters: {g: {}}\nresources:\n  - {file: /x, template: \"${param.g}\"}\n"}
			got, problems, err := compileRoles(t, roles, func(in *Input) {
				known(t, evil)(in)
				from := testInput(dir)
				in.Source, in.Render = from.Source, from.Render
				in.Secret = func(name string) (string, error) { return "value of " + name, nil }
				in.Host.Variables["pw"] = []any{map[string]any{"x": inventory.SecretRef("own")}}
			})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "value of") {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil || len(got.Catalog.Resources) != 1 || got.Catalog.Resources[0].File.Content != c.content {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}
