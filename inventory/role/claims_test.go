package role

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/inventory"
)

// A host that lies in its facts gets no file, secret or list of hosts that the role doesn't
// name.
func TestClaims(t *testing.T) {
	templates := map[string]string{
		"zone.txt":    `{{ .Facts.custom.zone }}`,
		"secret.txt":  `{{ secret (printf "%s/password" .Facts.custom.app) }}`,
		"named.txt":   `{{ secret "app/password" }} {{ .Facts.custom.app }}`,
		"param.txt":   `{{ secret (printf "%s/password" .Param.zone) }}`,
		"hosts.txt":   `{{ .Hosts (printf "role=%s" .Facts.custom.app) }}`,
		"known.txt":   `{{ len (.Hosts "role=a") }} {{ .Facts.custom.app }}`,
		"without.txt": `{{ secret (printf "%s/password" .Param.app) }}`,
	}
	in := func(in *Input) {
		known(t, `{"custom": {"zone": "zone", "app": "app", "list": ["zone.txt"]}}`)(in)
		in.Host.Variables["app"] = "app"
		in.Source = func(name string) (Source, error) {
			text, ok := templates[name]
			if !ok {
				return Source{}, fmt.Errorf("no %s", name)
			}
			return Source{Text: text}, nil
		}
		in.Render = func(name string, data any, secret func(string) (string, error)) (string, error) {
			return render(name, templates[name], data, secret)
		}
	}
	const lib = "parameters: {zone: }\nresources:\n  - file: /lib\n    template: "
	for _, tt := range []struct{ a, lib, want string }{
		{"resources:\n  - file: /x\n    template: zone.txt\n", "", ""},
		{"resources:\n  - file: /x\n    template: named.txt\n", "", ""},
		{"resources:\n  - file: /x\n    template: known.txt\n", "", ""},
		{"parameters: {app: }\nresources:\n  - file: /x\n    template: without.txt\n", "", ""},
		{"resources:\n  - file: /x\n    source: ${facts.custom.zone}.txt\n", "", "roles/a.yaml:3:13: source: a fact can't choose a file of templates/"},
		{"resources:\n  - file: /x\n    template: ${facts.custom.zone}.txt\n", "", "template: a fact can't choose a file"},
		{"parameters: {zone: {default: \"${facts.custom.zone}\"}}\nresources:\n  - file: /x\n    template: ${param.zone}.txt\n", "", "template: a fact can't choose a file"},
		{"resources:\n  - file: /x\n    template: ${each.value}\n    each: ${facts.custom.list}\n", "", "template: a fact can't choose a file"},
		{"include: [{role: lib, with: {zone: \"${facts.custom.zone}\"}}]\n", lib + "${param.zone}.txt\n", "roles/lib.yaml:4:15: template: a fact can't choose a file"},
		{"resources:\n  - file: /x\n    template: secret.txt\n", "", "must name its secrets as they are"},
		{"include: [{role: lib, with: {zone: \"${facts.custom.app}\"}}]\n", lib + "param.txt\n", "must name its secrets as they are"},
		{"resources:\n  - file: /x\n    template: hosts.txt\n", "", "must name its hosts as they are"},
	} {
		roles := map[string]string{"a": tt.a}
		if tt.lib != "" {
			roles["lib"] = tt.lib
		}
		_, problems, err := compileRoles(t, roles, in)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v %v", tt.a, problems, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s%s: %v; want %s", tt.a, tt.lib, err, tt.want)
		}
	}
}

// Secrets that the host's own variables name are its own.
func TestClaimsOwnSecret(t *testing.T) {
	c, _, err := compileRoles(t, map[string]string{"a": "resources:\n  - file: /x\n    template: x\n"}, func(in *Input) {
		known(t, debian)(in)
		in.Host.Variables["pw"] = inventory.SecretRef("app/password")
		in.Source = func(string) (Source, error) { return Source{}, nil }
		in.Render = func(name string, data any, secret func(string) (string, error)) (string, error) {
			return render(name, `{{ .Facts.os.id }} {{ secret "app/password" }}`, data, secret)
		}
	})
	if err != nil || c.Catalog.Resources[0].File.Content != "debian hunter2" || !c.Catalog.Resources[0].File.Sensitive {
		t.Errorf("%v, %v", c, err)
	}
}
