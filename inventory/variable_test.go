package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSecretVariables: {secret: name} is a name wherever it stands in a variable; a
// mapping with more keys is a mapping.
func TestSecretVariables(t *testing.T) {
	s := parse(t, `
networks: {n: {subnet: 10.1.0.0/24}}
defaults: {variables: {plain: x, root_password: {secret: rootpw/all}}}
hosts:
  web1:
    mac: 52:54:00:00:00:01
    address: 10.1.0.11
    variables:
      root_password: {secret: rootpw/web1}
      users: [{name: a, password: {secret: users/a}}, {secret: users/b}]
      deep: {db: {password: {secret: db}, secret: y}}
      map: {secret: x, other: y}
      empty: {}
`)
	want := map[string]any{
		"plain":         "x",
		"root_password": SecretRef("rootpw/web1"),
		"users":         []any{map[string]any{"name": "a", "password": SecretRef("users/a")}, SecretRef("users/b")},
		"deep":          map[string]any{"db": map[string]any{"password": SecretRef("db"), "secret": "y"}},
		"map":           map[string]any{"secret": "x", "other": "y"},
		"empty":         map[string]any{},
	}
	if diff := cmp.Diff(want, s.Hosts["web1"].Variables); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	from, err := Explain(s, "web1", "variables.root_password")
	if err != nil || len(from) != 2 || from[0].Value != SecretRef("rootpw/web1") || from[1].Value != SecretRef("rootpw/all") {
		t.Errorf("explained as %v, %v", from, err)
	}
	other := parse(t, `
networks: {n: {subnet: 10.1.0.0/24}}
hosts: {web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11, variables: {a: {secret: x}}}}
`)
	same := parse(t, `
networks: {n: {subnet: 10.1.0.0/24}}
hosts: {web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11, variables: {a: x}}}
`)
	if got := texts(Diff(other, same)); len(got) != 1 || got[0] != "web1: variables.a" {
		t.Errorf("a secret's name against the same text: %v", got)
	}
}

func TestSecretVariablesRefused(t *testing.T) {
	for name, value := range map[string]string{
		"leads out": "{secret: ../hunter2}", "absolute": "{secret: /hunter2}", "nothing": "{secret: }",
		"a list": "{secret: [hunter2]}", "within": "[{a: {secret: hunter2/}}]",
	} {
		s, problems := Parse("a.yaml", []byte("networks: {n: {subnet: 10.1.0.0/24}}\nhosts: {w: {mac: 52:54:00:00:00:01, address: 10.1.0.11, variables: {a: "+value+"}}}\n"), Options{})
		if s != nil || len(problems) != 1 || problems[0].Line != 2 {
			t.Errorf("%s: %v, %v", name, s, problems)
			continue
		}
		if strings.Contains(problems.String(), "hunter2") {
			t.Errorf("%s: shown: %v", name, problems)
		}
	}
}
