package role

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/provision/catalog"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/inventory/role/expression"
)

// known gives the host facts, as JSON.
func known(t *testing.T, facts string) func(*Input) {
	t.Helper()
	decoded, err := catalog.DecodeFacts([]byte(facts))
	if err != nil {
		t.Fatal(err)
	}
	return func(in *Input) { in.Facts = decoded }
}

const debian = `{"os": {"id": "debian", "version": "12"}, "cpu": {"threads": 8}, "memory": {"total": 8589934592}, "disks": [{"name": "sda", "bytes": 1000}, {"name": "sdb", "bytes": 20, "rotational": true}],
	"custom": {"zone": "a", "weight": 1.5, "on": true, "none": null, "tags": ["x", "y"]}}`

// A condition chooses resources, items, includes and checks.
func TestWhen(t *testing.T) {
	roles := map[string]string{
		"a": `
parameters:
  sites: {type: map(record), fields: {on: {type: bool, default: true}, port: {type: port}}, default: {shop: {port: 80}, blog: {port: 81, on: no}}}
  tls: {type: bool, default: no}
  wait: {type: duration, default: 90s}
  most: {type: bytes, default: 1GiB}
include:
  - {role: b, when: param.tls}
  - {role: c, when: not param.tls and host.group == "web", with: {name: x}}
resources:
  - package: nginx
    when: facts.os.id == "debian" and facts.cpu.threads > 4
  - package: httpd
    when: facts.os.id == "rocky"
  - file: /etc/${site.key}
    content: "${site.value.port}"
    each: ${param.sites}
    as: site
    when: site.value.on && site.value.port < 1000
  - file: /mnt/${each.value.name}
    content: ${each.value.bytes} ${facts.custom.weight} ${facts.memory.total} ${facts.custom.zone ?? 'b'} ${facts.custom.none ?? "b c"}${facts.dmi.vendor ?? ''}
    each: ${facts.disks}
    when: each.value.bytes > 100 and not (each.value.rotational ?? false)
  - file: /d
    content: d
    when: param.wait > duration("1m") and param.most == 1024 * 1024 * 1024
checks:
  - http: {port: "${site.value.port}"}
    each: ${param.sites}
    as: site
    when: site.key != "blog"
  - http: {}
    when: facts.os.id != "debian"
`,
		"b": "resources:\n  - package: b\n",
		"c": "parameters: {name: }\nresources:\n  - package: c-${param.name}\n",
	}
	c, problems, err := compileRoles(t, roles, known(t, debian))
	if err != nil {
		t.Fatal(problems, err)
	}
	if diff := cmp.Diff([]string{"package[c-x]", "package[nginx]", "file[/etc/shop]", "file[/mnt/sda]", "file[/d]"}, idsOf(c)); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if len(c.Checks) != 1 || c.Checks[0].HTTP.Port != 80 || len(c.Waiting) > 0 {
		t.Errorf("checks %+v, waiting %q", c.Checks, c.Waiting)
	}
	if got := c.Catalog.Resources[3].File.Content; got != "1000 1.5 8589934592 a b c" {
		t.Errorf("numbers are %q", got)
	}
}

// Without facts, what needs them is left out, and named. Those that require it wait as well.
func TestWaiting(t *testing.T) {
	roles := map[string]string{
		"a": `
include:
  - {role: b, when: facts.os.id == "debian"}
  - {role: c, with: {name: "${facts.os.id}"}}
resources:
  - package: nginx
    when: facts.os.id == "debian"
  - package: other
  - file: /etc/nginx/nginx.conf
    content: x
    notify: service[nginx]
  - service: nginx
    running: true
  - file: /a
    content: ${facts.os.id}
  - file: /b
    content: b
    require: file[/a]
  - file: /c
    template: facts.txt
  - file: /d
    content: d
    before: file[/a]
  - file: /e
    content: e
    require: package[of-b]
  - file: /f/${facts.os.id}
    content: f
  - file: /disks/${each.value.name}
    content: x
    each: ${facts.disks}
  - package: vim
    when: facts.os.id == "debian"
  - package: vim
    ensure: absent
    when: facts.os.id != "debian"
  - file: /g
    ensure: directory
    when: facts.os.id == "debian"
  - file: /g/h
    content: h
checks:
  - http: {}
    when: facts.os.id == "debian"
  - http: {port: 81}
`,
		"b": "resources:\n  - package: of-b\n",
		"c": "parameters: {name: }\nresources:\n  - package: c-${param.name}\n",
	}
	template := func(in *Input) {
		in.Render = func(_ string, data any, _ func(string) (string, error)) (string, error) {
			facts, err := data.(Data).Facts()
			if err != nil {
				return "", fmt.Errorf("facts.txt: %v", err)
			}
			return fmt.Sprint(facts["os"].(map[string]any)["id"]), nil
		}
	}
	c, problems, err := compileRoles(t, roles, template)
	if err != nil {
		t.Fatal(problems, err)
	}
	if diff := cmp.Diff([]string{"package[other]", "file[/d]"}, idsOf(c)); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	want := []string{
		"role b (roles/a.yaml:3:5) waits for the facts of the host",
		"role c (roles/a.yaml:4:5) waits for the facts of the host",
		"file /f/${facts.os.id} (roles/a.yaml:27:5) waits for the facts of the host",
		"file /disks/${each.value.name} (roles/a.yaml:29:5) waits for the facts of the host",
		"package[vim] (roles/a.yaml:34:5) waits for the facts of the host",
		"package[nginx] (roles/a.yaml:6:5) waits for the facts of the host",
		"file[/etc/nginx/nginx.conf] (roles/a.yaml:9:5) waits for package[nginx]",
		"service[nginx] (roles/a.yaml:12:5) waits for package[nginx]",
		"file[/a] (roles/a.yaml:14:5) waits for the facts of the host",
		"file[/b] (roles/a.yaml:16:5) waits for file[/a]",
		"file[/c] (roles/a.yaml:19:5) waits for the facts of the host",
		"file[/e] (roles/a.yaml:24:5) waits for package[of-b]",
		"package[vim] (roles/a.yaml:32:5) waits for the facts of the host",
		"file[/g] (roles/a.yaml:37:5) waits for the facts of the host",
		"file[/g/h] (roles/a.yaml:40:5) waits for file[/g]",
		"check (roles/a.yaml:43:5) waits for the facts of the host",
	}
	if diff := cmp.Diff(want, c.Waiting); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	if len(c.Checks) != 1 || c.Checks[0].HTTP.Port != 81 {
		t.Errorf("checks %+v", c.Checks)
	}
	// With facts nothing waits.
	c, _, err = compileRoles(t, roles, func(in *Input) { template(in); known(t, debian)(in) })
	if err != nil || len(c.Waiting) > 0 || len(c.Catalog.Resources) != 17 || len(c.Checks) != 2 {
		t.Errorf("with facts: %v, %v", c, err)
	}
}

// A role whose parameters need facts waits as a whole, with what it includes.
func TestWaitingRole(t *testing.T) {
	roles := map[string]string{
		"a": "include: [b]\nresources:\n  - package: a\n    require: package[c]\n  - package: d\n",
		"b": "parameters: {os: {default: \"${facts.os.id}\"}}\ninclude: [c]\nresources:\n  - package: b-${param.os}\n",
		"c": "resources:\n  - package: c\n",
	}
	c, _, err := compileRoles(t, roles, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"role b (roles/a.yaml:1:11) waits for the facts of the host", "package[a] (roles/a.yaml:3:5) waits for package[c]"}
	if diff := cmp.Diff(want, c.Waiting); diff != "" || fmt.Sprint(idsOf(c)) != "[package[d]]" {
		t.Errorf("%v, waiting (-want +got):\n%s", idsOf(c), diff)
	}
	c, _, err = compileRoles(t, roles, known(t, debian))
	if err != nil || fmt.Sprint(idsOf(c)) != "[package[c] package[b-debian] package[a] package[d]]" {
		t.Errorf("with facts: %v, %v", c, err)
	}
}

// What a resource uses without saying so makes it wait as well.
func TestWaitingUses(t *testing.T) {
	text := `resources:
  - file: /srv/app
    content: a
    owner: app
  - user: app
    group: apps
  - group: apps
    when: facts.os.id == "debian"
  - file: /srv/other
    content: a
    owner: root
`
	c, err := compileText(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"file[/srv/app] (roles/r.yaml:2:5) waits for user[app]",
		"user[app] (roles/r.yaml:5:5) waits for group[apps]",
		"group[apps] (roles/r.yaml:7:5) waits for the facts of the host",
	}
	if diff := cmp.Diff(want, c.Waiting); diff != "" || fmt.Sprint(idsOf(c)) != "[file[/srv/other]]" {
		t.Errorf("%v, waiting (-want +got):\n%s", idsOf(c), diff)
	}
	c, err = compileText(t, text, known(t, debian))
	if err != nil || fmt.Sprint(idsOf(c)) != "[group[apps] user[app] file[/srv/app] file[/srv/other]]" {
		t.Errorf("with facts: %v, %v", c, err)
	}
}

// Declarations that wait are in no cycle, since they may never be declared together. Nor are
// they at fault for what they need, if it isn't declared.
func TestWaitingFaults(t *testing.T) {
	c, err := compileText(t, `resources:
  - file: /a
    content: a
    when: facts.os.id == "debian"
    before: file[/b]
  - file: /b
    content: b
    when: facts.os.id != "debian"
    before: file[/a]
  - package: c
  - file: /d
    content: d
  - file: /d/e
    content: e
    when: facts.os.id == "debian"
    require: package[f]
  - package: f
    when: "false"
  - file: /g
    content: g
    when: facts.os.id == "debian"
  - line: a
    path: /g
    text: b
    when: facts.os.id != "debian"
`, nil)
	if err != nil || len(c.Waiting) != 5 || len(c.Catalog.Resources) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhenProblems(t *testing.T) {
	for _, tt := range []struct {
		role, want, hint string
	}{
		{"resources:\n  - package: a\n    when: facts.oss.id == 'x'\n", "roles/a.yaml:3:17: when: there is no facts.oss", `did you mean "os"?`},
		{"parameters: {port: {type: port, default: 80}}\nresources:\n  - package: a\n    when: \"param.prot == 80\"\n", "roles/a.yaml:4:18: when: unknown field prot", `did you mean "port"?`},
		{"parameters: {port: {type: port, default: 80}}\nresources:\n  - package: a\n    when: |\n      param.port == 80 &&\n        param.port == 'x'\n", "roles/a.yaml:6:20: when: invalid operation: == (mismatched types int and string)", ""},
		{"resources:\n  - package: a\n    when: host.name\n", "roles/a.yaml:3:11: when: it must be true or false, but it is string", "compare it"},
		{"resources:\n  - package: a\n    when:\n", "when has no value", ""},
		{"resources:\n  - package: a\n    when: var.x == 'a'\n", "roles/a.yaml:3:11: when: unknown name var", ""},
		{"resources:\n  - package: a\n    when: secret.x == 'a'\n", "roles/a.yaml:3:11: when: unknown name secret", ""},
		{"resources:\n  - package: a\n    when: each.key == 'a'\n", "roles/a.yaml:3:11: when: unknown name each", ""},
		{"resources:\n  - package: a\n    when: len(hosts('role=web')) > 1\n", "roles/a.yaml:3:21: hosts: there is no role \"web\"", "known here: a"},
		{"resources:\n  - package: a\n    when: len(hosts('role=' + host.name)) > 0\n", `when: hosts takes a text in quotes`, ""},
		{"resources:\n  - package: a\n    when: len(hosts('rol=web')) > 1\n", `roles/a.yaml:3:21: when: hosts(rol=web): hosts can't be selected by "rol"`, `did you mean "role"?`},
		{"include:\n  - {role: a2, when: facts.os.id = 'x'}\n", "roles/a.yaml:2:34: when: unexpected token", ""},
		{"checks:\n  - http: {}\n    when: facts.cpu.threads == '1'\n", "roles/a.yaml:3:29: when: invalid operation", ""},
		{"resources:\n  - package: ${facts.custom.x ?? y}\n", "the default of a fact is a text in quotes, not y", "write ${facts.NAME ?? 'TEXT'}"},
		{"resources:\n  - package: ${facts.oss ?? 'y'}\n", "there is no fact oss", `did you mean "os"?`},
		{"resources:\n  - package: ${facts.oss.id}\n", "roles/a.yaml:2:14: package: there is no fact oss", `did you mean "os"?`},
		{"resources:\n  - package: ${hosts(role=).names}\n", "roles/a.yaml:2:14: package: hosts(role=) selects no hosts", "write hosts(role=NAME)"},
		{"resources:\n  - package: ${hosts(role=a).name}\n", `hosts(...) has no "name"`, `did you mean "names"?`},
		{"resources:\n  - package: x\n    each: \"${hosts(role=b)}\"\n", `roles/a.yaml:3:11: hosts: there is no role "b"`, ""},
	} {
		_, problems, _ := compileRoles(t, map[string]string{"a": tt.role, "a2": ""}, nil)
		if got := problems.String(); !strings.Contains(got, tt.want) || !strings.Contains(got, tt.hint) {
			t.Errorf("%s\ngives\n%s\nwant %s, %s", tt.role, got, tt.want, tt.hint)
		}
	}
	for _, tt := range []struct{ role, want, hint string }{
		{"resources:\n  - package: a\n    when: facts.kernel.release == 'x'\n", "roles/a.yaml:3:24: when: for host web1: cannot fetch release from a missing value", "write NAME ?? DEFAULT"},
		{"resources:\n  - package: a\n    when: each.value == 'y'\n    each: [x]\n  - package: ${facts.os.codename}\n", "roles/a.yaml:5:14: package: host web1 has no fact \"os.codename\"", "known here: id, version"},
		{"resources:\n  - package: a\n    when: 'all(1..1000, all(1..100000, # > 0))'\n", "roles/a.yaml:3:", "too many steps"},
		{"resources:\n  - package: a\n    when: facts.cpu.sockets > 1\n", "roles/a.yaml:3:29: when: for host web1: invalid operation: a missing value > int", "write NAME ?? DEFAULT"},
		{"resources:\n  - file: /a/\n    content: a\n    when: 'false'\n  - package: b\n    require: file[/a]\n", `roles/a.yaml:6:14: require: there is no file[/a] for host web1, since its condition at roles/a.yaml:4:12 is false`, "give this resource the same condition"},
		{"resources:\n  - package: a-${each.key}\n    each: ${facts.custom.tags}\n    when: each.value > 3\n", "(item \"1\"): invalid operation: string > int", ""},
	} {
		_, problems, err := compileRoles(t, map[string]string{"a": tt.role}, known(t, debian))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.hint) {
			t.Errorf("%s\ngives\n%v %v\nwant %s, %s", tt.role, problems, err, tt.want, tt.hint)
		}
	}
}

// A secret can't be seen by a condition, whatever way it takes.
func TestWhenSecret(t *testing.T) {
	for _, when := range []string{`param.pw == "hunter2"`, `param.pw startsWith "h"`, `len(param.pw) > 3`, `param.site.pw != ""`, `site.value.pw == "x"`, `"x" in values(site.value)`, `(param.pw ?? "") == ""`, `param.pw in ["hunter2"]`} {
		_, problems, err := compileRoles(t, map[string]string{"a": `
parameters:
  pw: {}
  site: {type: record, fields: {pw: {}}}
  sites: {type: map(map(string))}
resources:
  - package: p
    each: ${param.sites}
    as: site
    when: '` + when + `'
`}, func(in *Input) {
			ref := inventory.SecretRef("app/password")
			in.Host.Variables["pw"] = ref
			in.Host.Variables["site"] = map[string]any{"pw": ref}
			in.Host.Variables["sites"] = map[string]any{"a": map[string]any{"pw": ref}}
		})
		if err == nil || strings.Contains(err.Error(), "hunter2\"\n") {
			t.Errorf("%s: %v, %v", when, problems, err)
		}
	}
}

// All conditions of a host share a bound on their work.
func TestWhenWork(t *testing.T) {
	var b strings.Builder
	b.WriteString("resources:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  - package: p%d\n    when: all(1..50000, true)\n", i)
	}
	_, _, err := compileRoles(t, map[string]string{"a": b.String()}, nil)
	if err == nil || !strings.Contains(err.Error(), "too many steps") {
		t.Errorf("200 loops of 50,000: %v", err)
	}
}

// The facts that roles know by name are of the types that conditions check.
func TestFactTypes(t *testing.T) {
	for _, text := range []string{`facts.os.id == "x"`, `facts.cpu.threads > 1`, `any(facts.cards, any(.addresses, # startsWith "10."))`, `(facts.dmi.vendor ?? "") contains "Dell"`, `facts.virtualisation != "none"`, `facts.boot_mode == "uefi"`, `facts.custom.a.b == 3`} {
		if _, m := expression.New((&role{}).names(nil)).Compile(text); m != nil {
			t.Errorf("%s: %v", text, m)
		}
	}
}
