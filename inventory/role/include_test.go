package role

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision/catalog"
)

// compileRoles compiles the role a of several that are given as text.
func compileRoles(t *testing.T, roles map[string]string, change func(*Input)) (*Compiled, Problems, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range roles {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, problems := Load(dir)
	in := testInput("")
	if change != nil {
		change(&in)
	}
	c, err := set.Compile([]string{"a"}, in)
	return c, problems, err
}

const site = `parameters:
  name: {}
  port: {type: port, default: 80}
  word: {default: none}
resources:
  - package: nginx
  - file: /srv/${param.name}
    content: "${param.port} ${param.word}"
    notify: service[nginx]
checks:
  - http: {port: "${param.port}"}
`

// Included roles come first, in the order of their includes, each once for the same values.
// A role's own resources may name theirs, and theirs its own.
func TestInclude(t *testing.T) {
	c, problems, err := compileRoles(t, map[string]string{
		"a": `
parameters: {sites: {type: list(string), default: [x]}, n: {default: y}}
include: [base, {role: site, with: {name: shop, port: 8080}}, {role: site, with: {name: "blog-${param.n}", word: "${var.pw}"}}, base, web]
resources:
  - service: nginx
    require: file[/srv/shop]
`,
		"site": "include: [base]\n" + site,
		"web":  "include: [{role: site, with: {name: shop, port: 8080}}]\n",
		"base": "resources:\n  - package: ca-certificates\n  - package: nginx\n",
	}, func(in *Input) {
		in.Host.Variables["pw"] = inventory.SecretRef("app/password")
	})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	want := []string{"package[ca-certificates]", "package[nginx]", "file[/srv/shop]", "file[/srv/blog-y]", "service[nginx]"}
	if diff := cmp.Diff(want, idsOf(c)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if f := c.Catalog.Resources[3].File; !strings.HasSuffix(f.Content, "hunter2") || !f.Sensitive {
		t.Errorf("a secret that is passed on: %+v", f)
	}
	if len(c.Checks) != 2 || c.Checks[0].HTTP.Port != 8080 {
		t.Errorf("checks: %+v", c.Checks)
	}
	if c.Catalog.Role != "a" {
		t.Errorf("role is %q", c.Catalog.Role)
	}
}

// A value that an include gives stands above the host's variable.
func TestIncludeBeatsVariable(t *testing.T) {
	for with, want := range map[string]string{"{name: x}": "8080 none", "{name: x, port: 81}": "81 none"} {
		c, _, err := compileRoles(t, map[string]string{"site": site, "a": "include: [{role: site, with: " + with + "}]\nresources:\n  - service: nginx\n"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Catalog.Resources[1].File.Content; got != want {
			t.Errorf("%s: %q, want %q", with, got, want)
		}
	}
}

// Mistakes of includes that can be told without a host.
func TestIncludeProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		roles map[string]string
		want  string // in the problems
		err   string // in the error of a's compilation
	}{
		"no list":     {map[string]string{"a": "include: site\n"}, "roles/a.yaml:1:10: include must be a list", "mend roles/a.yaml"},
		"no role":     {map[string]string{"a": "include: [{with: {}}]\n"}, "roles/a.yaml:1:11: an include needs role", ""},
		"unknown key": {map[string]string{"a": "include: [{role: site, wiht: {}}]\n", "site": ""}, `did you mean "with"?`, ""},
		"folder":      {map[string]string{"a": "include: [../site]\n"}, `roles/a.yaml:1:11: "../site" is no name for a role`, ""},
		"unknown":     {map[string]string{"a": "include: [stie]\n", "site": site}, `roles/a.yaml:1:11: include: there is no role "stie"`, ""},
		"parameter":   {map[string]string{"a": "include: [{role: site, with: {nam: x}}]\n", "site": site}, `roles/a.yaml:1:31: include: role site has no parameter "nam"`, ""},
		"static type": {
			map[string]string{"a": "include: [{role: site, with: {port: x}}]\n", "site": site},
			`roles/a.yaml:1:37: include: parameter port of role site (declared at roles/site.yaml:3:3): "x" is not a value of type port`, "",
		},
		"own parameter": {map[string]string{"a": "include: [{role: site, with: {port: '${param.prot}'}}]\n", "site": site}, `role a has no parameter "prot"`, ""},
		"secret":        {map[string]string{"a": "include: [{role: site, with: {word: '${secret.app/password}'}}]\n", "site": site}, "a secret can't stand here", ""},
		"itself":        {map[string]string{"a": "include: [a]\n"}, "roles/a.yaml:1:11: these roles include each other: a (roles/a.yaml:1:11) → a", "mend roles/a.yaml"},
		"cycle": {
			map[string]string{"a": "include: [b]\n", "b": "include:\n  - c\n", "c": "include: [d, b]\n", "d": ""},
			"roles/c.yaml:1:14: these roles include each other: b (roles/b.yaml:2:5) → c (roles/c.yaml:1:14) → b", "role a includes b, which has problems",
		},
		"broken": {map[string]string{"a": "include: [b]\n", "b": "resources: nginx\n"}, "roles/b.yaml:1:12: resources must be a list", "role a includes b, which has problems"},
	} {
		_, problems, err := compileRoles(t, tc.roles, nil)
		if len(problems) != 1 || !strings.Contains(problems.String(), tc.want) {
			t.Errorf("%s: %v\nwant %s", name, problems, tc.want)
		}
		if err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: error %v, want %q", name, err, tc.err)
		}
	}
}

// Mistakes that show for a host.
func TestIncludeHostProblems(t *testing.T) {
	for name, tc := range map[string]struct{ a, want string }{
		"no value": {"include: [site]\n", "roles/site.yaml:2:3: host web1 has no value for the parameter name of role site (included at roles/a.yaml:1:11)"},
		"wrong value": {
			"include: [{role: site, with: {name: x, port: '${host.name}'}}]\n",
			`roles/a.yaml:1:46: for host web1: parameter port of role site (declared at roles/site.yaml:3:3): "web1" is not a value of type port`,
		},
		"conflict of one role": {
			"include:\n  - {role: site, with: {name: x, port: 1}}\n  - {role: site, with: {name: x, port: 2}}\nresources:\n  - service: nginx\n",
			"roles/site.yaml:7:5: file[/srv/x] (included at roles/a.yaml:3:5) is declared differently at roles/site.yaml:7:5 (included at roles/a.yaml:2:5)",
		},
		"conflict with its own": {
			"include: [{role: site, with: {name: x}}]\nresources:\n  - service: nginx\n  - package: nginx\n    ensure: absent\n",
			"roles/a.yaml:4:5: package[nginx] is declared differently at roles/site.yaml:6:5 (included at roles/a.yaml:1:11)",
		},
		"a part of a text": {"include: [{role: site, with: {name: 'x${var.words}'}}]\n", "${var.words} is a list, and can't be a part of a text"},
	} {
		_, problems, err := compileRoles(t, map[string]string{"a": tc.a, "site": site}, nil)
		if len(problems) > 0 || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v %v\nwant %s", name, problems, err, tc.want)
		}
	}
}

// Includes that multiply are bounded.
func TestIncludeBounds(t *testing.T) {
	roles := map[string]string{}
	const depth = 12
	for i := range depth {
		below := string(rune('a' + i + 1))
		roles[string(rune('a'+i))] = "parameters: {p: {default: x}}\ninclude: [{role: " + below + ", with: {p: '${param.p}l'}}, {role: " + below + ", with: {p: '${param.p}r'}}]\n"
	}
	roles[string(rune('a'+depth))] = "parameters: {p: {}}\n"
	if _, _, err := compileRoles(t, roles, nil); err == nil || !strings.Contains(err.Error(), "host web1 has more than 1000 roles") {
		t.Errorf("2^%d roles: %v", depth, err)
	}
	chain := map[string]string{"a": "include: [b0]\n", "b60": "parameters: {p: {}}\n"}
	for i := range 60 {
		chain[fmt.Sprintf("b%d", i)] = fmt.Sprintf("parameters: {p: {default: xx}}\ninclude: [{role: b%d, with: {p: '${param.p}${param.p}'}}]\n", i+1)
	}
	refs := strings.Repeat("'${param.p}', ", 1000)
	for name, roles := range map[string]map[string]string{
		"a text": chain,
		"a list": {
			"a": "parameters: {p: {default: xx}}\ninclude: [{role: b, with: {p: [" + refs + "]}}]\n",
			"b": "parameters: {p: {type: list(string)}}\ninclude: [{role: c, with: {p: [" + refs + "]}}]\n",
			"c": "parameters: {p: {type: list(list(string))}}\ninclude: [{role: d, with: {p: [" + refs + "]}}]\n",
			"d": "parameters: {p: {type: list(list(list(string)))}}\n",
		},
	} {
		_, problems, err := compileRoles(t, roles, nil)
		if want := "the values of its roles' parameters have more than 16 MiB"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s that multiplies: %v %v", name, problems, err)
		}
	}
	var many strings.Builder
	many.WriteString("parameters: {p: {}}\nresources:\n")
	for i := range catalog.MaxResources/2 + 1 {
		fmt.Fprintf(&many, "  - package: a%d\n", i)
	}
	_, _, err := compileRoles(t, map[string]string{"a": "include: [{role: b, with: {p: x}}, {role: b, with: {p: y}}]\n", "b": many.String()}, nil)
	if err == nil || !strings.Contains(err.Error(), "host web1 has more than") {
		t.Errorf("too many resources: %v", err)
	}
}
