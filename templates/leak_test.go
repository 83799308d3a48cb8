package templates_test

import (
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/templates"
)

// TestErrorsShowNoSecret: a template that fails with a secret in hand says where
// and why, and not with what.
func TestErrorsShowNoSecret(t *testing.T) {
	for value, tries := range map[string][]string{
		"hunter2\nline \"hunter3\"": {
			`{{ ksquote (secret "x") }}`, `{{ ksquote (printf "%s" (secret "x")) }}`, `{{ quote (printf "-%s-" (var "ref")) }}`,
		},
		"hunter2": {
			`{{ addr 1 (secret "x") }}`, `{{ addr 1 (printf "%s" (secret "x")) }}`, `{{ contains "10.0.0.0/8" (printf "%s" (secret "x")) }}`,
			`{{ secret (printf "%s" (secret "x")) }}`, `{{ file (secret "x") }}`, `{{ file (printf "../%s" (secret "x")) }}`,
			`{{ index .Host.Variables (secret "x") }}{{ .Nope }}`, `{{ index "abc" (secret "x") }}`, `{{ slice (secret "x") 90 }}`,
			`{{ .Refuse "it is %v" (secret "x") }}`, `{{ .Refuse "it is %q" (var "ref") }}`, `{{ var (printf "%s" (secret "x")) }}`,
			`{{ join (var "ref") (var "ref") }}`, `{{ indent 99 (var "ref") }}`, `{{ template "gone.ks" (secret "x") }}`,
			`{{ crypt (printf "%s\t" (var "ref")) }}`, `{{ crypt (var "ref") }}`, `{{ (var "ref").Nope }}`, `{{ call (var "ref") }}`,
			`{{ range (var "ref") }}{{ .Nope }}{{ end }}`, `{{ with var "ref" }}{{ .Nope }}{{ end }}`, `{{ lt (var "ref") 5 }}`,
		},
	} {
		for _, text := range tries {
			h := host()
			h.Variables["ref"] = inventory.SecretRef("x")
			lookup := func(name string) (string, error) {
				if name == "x" {
					return value, nil
				}
				return "", errorOf("secret " + name + ": there is none")
			}
			got, err := folder(t, map[string]string{"t.ks": text}).Render("t.ks", data(h), templates.Funcs(h, lookup))
			if err == nil {
				t.Errorf("%s: renders as %q", text, got)
				continue
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hunter3") {
				t.Errorf("%s: the secret is shown: %v", text, err)
			}
		}
	}
}

type errorOf string

func (e errorOf) Error() string { return string(e) }
