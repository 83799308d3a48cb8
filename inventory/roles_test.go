package inventory

import (
	"fmt"
	"strings"
	"testing"
)

// TestManyRoles: a host has at most 50 roles, whichever layers give them.
func TestManyRoles(t *testing.T) {
	names := func(from, to int) string {
		var out []string
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprintf("r%d", i))
		}
		return strings.Join(out, ", ")
	}
	for _, c := range []struct {
		group, host string
		want        int
		problem     string
	}{
		{names(0, 25), names(25, 50), 50, ""},
		{names(0, 25), names(0, 50), 50, ""},
		{names(0, 50), names(50, 51), 0, "a.yaml:3:90: host a: 51 roles with those of its group, its system and defaults, at most 50 are allowed"},
		{names(0, 10), names(0, 51), 0, "a.yaml:3:96: host a: 51 roles, at most 50 are allowed"},
	} {
		s, problems := Parse("a.yaml", fmt.Appendf(nil, `networks: {n: {subnet: 10.0.0.0/24}}
groups: {g: {roles: [%s]}}
hosts: {a: {mac: 52:54:00:00:00:01, address: 10.0.0.5, group: g, maintenance: {}, roles: {add: [%s]}}}
`, c.group, c.host), Options{})
		if c.problem != "" {
			if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), c.problem) {
				t.Errorf("problems %v, want %s", problems, c.problem)
			}
			continue
		}
		if len(problems) > 0 || len(s.Hosts["a"].Roles) != c.want {
			t.Errorf("%v, %v", s, problems)
		}
	}
}

// TestExplainRoles: role is another word for roles, and an added role is shown as such.
func TestExplainRoles(t *testing.T) {
	s, problems := Parse("a.yaml", []byte(`networks: {n: {subnet: 10.0.0.0/24}}
groups: {g: {role: web}}
hosts: {a: {mac: 52:54:00:00:00:01, address: 10.0.0.5, group: g, roles: {add: [db]}}}
`), Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"role", "roles"} {
		got, err := ExplainKey(s, "a", key)
		if err != nil || len(got) != 1 || got[0].Key != "roles" {
			t.Fatalf("%+v, %v", got, err)
		}
		text := ""
		for _, o := range got[0].Origins {
			text += fmt.Sprintf("%s %s %s\n", ShowValue(o.Value), o.At, o.Layer)
		}
		if want := "[web, db] a.yaml:3:73 host a, adds db\n[web] a.yaml:2:20 group g\n"; text != want {
			t.Errorf("got %s, want %s", text, want)
		}
	}
}
