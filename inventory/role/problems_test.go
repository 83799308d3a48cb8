package role

import (
	"slices"
	"strings"
	"testing"

	"rackhand/inventory/role/shipped"
	"rackhand/provision/catalog"
)

// Every problem has its place, and says what to do where that can be told.
func TestProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // parts of the text of the problems, in order
	}{
		{"unknown key", "resources:\n  - package: a\n    notfy: service[x]\n", []string{`roles/r.yaml:3:5: package: unknown key "notfy"`, `did you mean "notify"?`}},
		{"unknown kind", "resources:\n  - pakage: a\n", []string{`roles/r.yaml:2:5: a resource needs one of`, `did you mean "package"?`}},
		{"two kinds", "resources:\n  - package: a\n    service: b\n", []string{"roles/r.yaml:3:5: this resource is a package already"}},
		{"no list", "resources: nginx\n", []string{"roles/r.yaml:1:12: resources must be a list"}},
		{"resource is text", "resources: [nginx]\n", []string{"roles/r.yaml:1:13: a resource must be a mapping"}},
		{"mode", "resources:\n  - file: /x\n    content: a\n    mode: rw\n", []string{"roles/r.yaml:4:11: mode: mode \"rw\": write three or four octal digits", "mode: rw", "          ^"}},
		{"boolean is no other word", "resources:\n  - service: x\n    running: on\n", []string{`roles/r.yaml:3:14: running: "on" is neither true nor false`, "write true or false"}},
		{"ensure", "resources:\n  - file: /x\n    ensure: dir\n", []string{`roles/r.yaml:3:13: ensure: unknown value "dir"`}},
		{"relative path", "resources:\n  - file: etc/x\n    content: a\n", []string{"roles/r.yaml:2:11: file: the path of a file must be absolute"}},
		{"option as a package", "resources:\n  - package: -oX\n", []string{"roles/r.yaml:2:14: package:", "not a valid package name"}},
		{"no content", "resources:\n  - file: /x\n", []string{"roles/r.yaml:2:5: file /x: ", "add content, source or template"}},
		{"two contents", "resources:\n  - file: /x\n    content: a\n    source: b\n", []string{"exclude each other"}},
		{"content of a directory", "resources:\n  - file: /x\n    ensure: directory\n    content: a\n", []string{"takes no content"}},
		{"link without a target", "resources:\n  - file: /x\n    ensure: link\n", []string{"roles/r.yaml:2:5: file[/x], for host web1: ensure: link needs a target"}},
		{"target without a link", "resources:\n  - file: /x\n    content: a\n    target: b\n", []string{"target is for ensure: link, not file"}},
		{"mode of a link", "resources:\n  - file: /x\n    ensure: link\n    target: y\n    mode: 0644\n", []string{"a symbolic link has no mode"}},
		{"purge of a file", "resources:\n  - file: /x\n    content: a\n    purge: true\n", []string{"recurse and purge are for ensure: directory, not file"}},
		{"recurse without anything", "resources:\n  - file: /x\n    ensure: directory\n    recurse: true\n", []string{"declare at least one of them"}},
		{"purge of the system", "resources:\n  - file: /etc/\n    ensure: directory\n    purge: true\n", []string{"roles/r.yaml:2:5: file[/etc], for host web1: purge is refused for /etc, which the system needs"}},
		{"recurse over the system", "resources:\n  - file: /var/lib\n    ensure: directory\n    recurse: true\n    owner: x\n", []string{"recurse is refused for /var/lib"}},
		{"removal of the agent", "resources:\n  - file: /var/lib/rackhand-agent/content\n    ensure: absent\n    force: true\n", []string{"force is refused for"}},
		{"acl", "resources:\n  - file: /x\n    content: a\n    acl: [\"user:www\"]\n", []string{`roles/r.yaml:4:11: acl: "user:www": write user:NAME:rwx`}},
		{"folder in a template's name", "resources:\n  - file: /x\n    source: ../secrets/x\n", []string{"roles/r.yaml:3:13: source:", "without a folder"}},
		{"form of an id", "resources:\n  - package: a\n    require: b\n", []string{`roles/r.yaml:3:14: require: "b" names no resource`, "write KIND[NAME]"}},
		{"unknown target", "resources:\n  - package: a\n    notify: [\"service[ngnix]\"]\n  - service: nginx\n", []string{"roles/r.yaml:3:14: notify: there is no service[ngnix]", `did you mean "service[nginx]"?`}},
		{"unknown target for a host", "resources:\n  - package: a\n    require: package[${host.name}]\n", []string{"roles/r.yaml:3:14: require: there is no package[web1]"}},
		{"notifies a package", "resources:\n  - package: a\n  - file: /x\n    content: a\n    notify: package[a]\n", []string{"roles/r.yaml:5:13: notify: package[a] can't be notified"}},
		{"itself", "resources:\n  - package: a\n    require: package[a]\n", []string{"roles/r.yaml:3:14: require: package[a] names itself"}},
		{"conflict", "resources:\n  - package: a\n  - package: a\n    ensure: absent\n", []string{"roles/r.yaml:3:5: package[a] is declared differently at roles/r.yaml:2:5"}},
		{
			"cycle", "resources:\n  - package: a\n    require: package[b]\n  - package: c\n    require: package[a]\n  - package: b\n    require: package[c]\n",
			[]string{"roles/r.yaml:2:5: these wait for each other: package[a] (roles/r.yaml:2:5) → package[c] (roles/r.yaml:4:5) → package[b] (roles/r.yaml:6:5) → package[a]"},
		},
		{"file in a file", "resources:\n  - file: /a\n    content: a\n  - file: /a/b\n    content: a\n", []string{"roles/r.yaml:4:5: /a/b lies in /a, which is ensure: file at roles/r.yaml:2:5"}},
		{"unknown reference", "resources:\n  - package: ${hosts.name}\n", []string{"roles/r.yaml:2:14: package: ${hosts.name} is not known", `did you mean "host.name"?`}},
		{"open reference", "resources:\n  - package: ${host.name\n", []string{"is not closed", "write $${"}},
		{"unknown variable", "resources:\n  - package: ${var.color}\n", []string{`roles/r.yaml:2:14: package: host web1 has no variable "color"`, `did you mean "colour"?`}},
		{"list for a text", "resources:\n  - package: ${var.words}\n", []string{"${var.words} is a list, not one value"}},
		{"mapping for a text", "resources:\n  - package: x${var.nested}\n", []string{"${var.nested} is a mapping, not one value"}},
		{"type of a variable", "resources:\n  - service: x\n    enabled: ${var.colour}\n", []string{`roles/r.yaml:3:14: enabled: for host web1: "green" is neither true nor false`}},
		{"secret in a name", "resources:\n  - package: ${secret.app/password}\n", []string{"a secret can't stand here"}},
		{"unknown secret", "resources:\n  - file: /x\n    content: ${secret.app/pasword}\n", []string{"roles/r.yaml:3:14: content: secret app/pasword: there is no such secret"}},
		{"missing key of a template", "resources:\n  - file: /x\n    template: missing.txt\n", []string{"roles/r.yaml:3:15: template, for host web1:", "nothing"}},
		{"missing template", "resources:\n  - file: /x\n    template: none.txt\n", []string{"roles/r.yaml:3:15: template, for host web1:", "none.txt"}},
		{"check without http", "checks:\n  - within: 3s\n", []string{"roles/r.yaml:2:5: a check needs one of http, tcp, exec, systemd"}},
		{"check's port", "checks:\n  - http: {port: 99999}\n", []string{`roles/r.yaml:2:18: port: "99999" is not a number from 1 to 65535`}},
		{"check's path", "checks:\n  - http: {path: x}\n", []string{"write it as /path"}},
		{"check's duration", "checks:\n  - http: {}\n    within: 3\n", []string{`roles/r.yaml:3:13: within: "3" is not a duration`}},
		{"anchor", "resources:\n  - package: &a x\n  - package: *a\n", []string{"anchors", "aliases"}},
		{"not YAML", "resources: [\n", []string{"roles/r.yaml:1:"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := compileText(t, tt.text, nil)
			if err == nil {
				t.Fatalf("no problem; want %q", tt.want)
			}
			rest := err.Error()
			for _, want := range tt.want {
				i := strings.Index(rest, want)
				if i < 0 {
					t.Fatalf("no %q in:\n%s", want, err)
				}
				rest = rest[i+len(want):]
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret is in %v", err)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	set, problems := Load(t.TempDir() + "/none")
	if len(problems) > 0 || !slices.Equal(set.Names(), shipped.Names()) {
		t.Errorf("an inventory without roles: %v, %v", set.Names(), problems)
	}
	set, problems = Load("testdata/bad/roles")
	if got := strings.Join(set.Names(), " "); got != "base broken good nginx" {
		t.Errorf("roles are %q", got)
	}
	for _, want := range []string{"rename it to other.yaml", "Web.yaml: \"Web\" is no name for a role", "broken.yaml:2:5"} {
		if !strings.Contains(problems.String(), want) {
			t.Errorf("no %q in:\n%s", want, problems)
		}
	}
	if _, err := set.Compile([]string{"broken"}, testInput("")); err == nil || !strings.Contains(err.Error(), "mend roles/broken.yaml") {
		t.Errorf("compiling a broken role: %v", err)
	}
	if _, err := set.Compile([]string{"god"}, testInput("")); err == nil || !strings.Contains(err.Error(), `did you mean "good"`) {
		t.Errorf("compiling no role: %v", err)
	}
	if _, err := set.Compile([]string{"good"}, testInput("")); err != nil {
		t.Errorf("compiling a good one beside a broken one: %v", err)
	}
}

// FuzzRole: no file makes the parser or the compiler panic, and what compiles is
// a catalog that an agent takes.
func FuzzRole(f *testing.F) {
	f.Add("resources:\n  - package: a\n    notify: service[x]\n  - service: x\n    running: yes\nchecks:\n  - http: {port: 80}\n")
	f.Add("resources:\n  - file: /x/${host.name}\n    content: ${var.colour}\n    validate: [a, '%s']\n")
	f.Add("resources:\n  - file: /x\n    content: $${ ${secret.app/password}\n    mode: 0644\n    require: [file[/y]]\n  - file: /y\n    ensure: directory\n")
	f.Add("parameters:\n  p: {type: list(map(port)), default: [{a: 1}], merge: unique}\n  colour: {values: [green]}\nresources:\n  - package: ${param.colour}\n    notify: ${param.p}\n")
	f.Add("resources:\n  - package: ${x.value}\n    each: {a: ${var.colour}, b: ${host.name}}\n    as: x\n  - file: /${each.key}\n    each: ${var.words}\n    content: ${each.value}\n")
	f.Add("checks:\n  - http: {tls: yes, ca: site.html, status: [200, 204], headers: ['A: b']}\n  - tcp: {port: '${each.value}', expect: a}\n    from: host\n    each: [1, b]\n  - exec: {command: [a, '${var.words}'], matches: '(a'}\n  - systemd: {failed: 0, except: '[a'}\n    within: 5m\n")
	f.Add("include: [fuzz, {role: base, with: {p: [a]}}]\n")
	f.Add("parameters:\n  s: {type: map(record), merge: deep, default: {a: {n: 1}}, fields: {n: {type: int}, r: {type: record, default: {}, fields: {x: {default: y}}}}}\nresources:\n  - package: ${each.key}\n    each: ${param.s}\n    when: each.value.n > 0 && each.value.r.x == 'y'\n    before: file[/x]\n  - file: /x\n    content: ${facts.os.id} ${hosts(role=fuzz).names}\n")
	f.Add("include: [{role: fuzz2, when: 'facts.cpu.threads > 2'}]\nchecks:\n  - http: {port: 80}\n    each: ${hosts(\"role=fuzz\").addresses}\n    when: len(hosts('group=web')) > 0 || any(facts.disks ?? [], {.bytes > 1})\n")
	facts, err := catalog.DecodeFacts([]byte(`{"os": {"id": "debian"}, "cpu": {"threads": 4}, "disks": [{"name": "sda", "bytes": 2}], "custom": {"a": [1.5, null, true]}}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := parse("fuzz", []byte(text))
		if r.broken != (len(problems) > 0) {
			t.Fatalf("broken is %v with %d problems", r.broken, len(problems))
		}
		in := testInput("testdata/web")
		set := &Set{roles: map[string]*role{"fuzz": r}}
		set.link()
		in.Hosts = HostsOf(rack())
		for _, in.Facts = range []map[string]any{nil, facts} {
			c, err := set.Compile([]string{"fuzz"}, in)
			if err != nil {
				continue
			}
			if err := c.Catalog.Validate(); err != nil {
				t.Fatal(err)
			}
			if in.Facts != nil && len(c.Waiting) > 0 {
				t.Fatalf("with facts, this waits: %q", c.Waiting)
			}
		}
	})
}
