package role

import (
	"strings"
	"testing"
)

// The words of Puppet and Ansible get a hint at their place.
func TestForeignWords(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"resources:\n  - ssh_authorized_key: a@b\n    user: bob\n", []string{`roles/r.yaml:2:5: unknown type of resource "ssh_authorized_key"`, "write authorized_key"}},
		{"resources:\n  - file_line: a\n    path: /x\n    line: b\n", []string{`2:5: unknown type of resource "file_line"`, "write line: NAME"}},
		{"resources:\n  - notify: service[x]\n    user: bob\n    managehome: true\n", []string{`4:5: user: unknown key "managehome"`, "write manage_home"}},
		{"resources:\n  - yumrepo: a\n", []string{"2:5: a resource needs one of", "write repository"}},
		{"resources:\n  - package: a\n    ensure: installed\n", []string{`3:13: ensure: "installed"`, "write present"}},
		{"resources:\n  - package: a\n    ensure: ${host.name}x\n", nil},
		{"resources:\n  - package: [a, b]\n", []string{"2:14: package: its name must be text", "with each"}},
		{"resources:\n  - package:\n      name: a\n", []string{"3:7: package: its name must be text", "in the column of package"}},
		{"resources:\n  package: a\n", []string{"2:3: resources must be a list, not a mapping", "with a dash"}},
		{"resources:\n  - service: a\n    ensure: running\n", []string{"3:5: service: unknown key", "write running: true"}},
		{"resources:\n  - service: a\n    running: true\n    require: Package['b']\n", []string{"4:14: require:", "write package[b]"}},
		{"resources:\n  - file: /x\n    source: puppet:///modules/m/y\n", []string{"3:13: source:", "write its name: y"}},
		{"resources:\n  - file: /x\n    source: https://a/y\n", []string{"3:13: source:", "fetches no URLs"}},
		{"resources:\n  - {file: /x, content: ${host.name}}\n", []string{"2:26:", "quote a text that has brackets"}},
		{"resources:\n  - {service: a, notify: service[b]}\n", []string{"quote a text that has brackets"}},
		{"resources:\n  - file: /${item}\n    content: a\n    each: [a]\n", []string{"2:11: file: ${item}", "write ${each.value}"}},
		{"resources:\n  - file: /${params.a}\n    content: a\n", []string{"write ${param.a}"}},
		{"resources:\n  - file: /x\n    content: ${facts['os']}\n", []string{"write ${facts.os.id}"}},
		{"resources:\n  - package: a\n    when: facts.os.id = \"x\"\n", []string{"3:23: when:", "write == to compare"}},
		{"resources:\n  - package: a\n    when: $facts.os.id == \"x\"\n", []string{"without $"}},
		{"resources:\n  - package: a\n    when: ${facts.os.id} == \"x\"\n", []string{"without ${"}},
		{"resources:\n  - package: a\n    when: ansible_distribution == \"x\"\n", []string{"such as facts.os.id"}},
		{"resources:\n  - user: bob\n    groups: adm, sudo\n", []string{"3:13: groups:", "write a list: [adm, sudo]"}},
		{"resources:\n  - timer: a\n    command: b\n    schedule: 5 * * * *\n", []string{"4:15: schedule:", "cron's form"}},
		{"resources:\n  - package: a\n    when: facts.os.id == debian\n", []string{"3:26: when: unknown name debian", `quote a text: "debian"`}},
		{"resources:\n  - package: a\n    when: len(hosts(role=web)) > 1\n", []string{`hosts("role=web")`}},
		{"resources:\n  - file: /x\n    content: {secret: a}\n", []string{"3:14: content must be text", `write "${secret.NAME}"`}},
		{"parameters:\n  a: 80\n", []string{"2:6: parameter a must be a mapping", "write {default: VALUE}"}},
		{"parameters:\n  a: {type: \"Stdlib::Port\"}\n  b: {type: \"Array[String]\"}\n  c: {type: Boolean}\n  d: {type: enum}\n", []string{"2:13", "write port", "3:13", "write list(string)", "write bool", "write values"}},
		{"tasks: []\nvars: {}\nname: x\npackage: y\n", []string{"1:1", "write resources:", "2:1", "write parameters", "3:1", "the name of the file", "4:1", "behind a dash"}},
		{"include: base\n", []string{"1:10: include must be a list", "write include: [base]"}},
		{"include: [{class: base, params: {}}]\n", []string{"write role", "write with"}},
		{"checks:\n  - https: {port: 443}\n  - http: 80\n  - http: {url: /x, timeout: 5s}\n", []string{"2:5", "tls: true", "3:11: http must be a mapping", "http: {port: 80}", "write port and path", "write deadline"}},
	}
	for _, test := range tests {
		_, problems := parse("r", []byte(test.text))
		rest := ""
		for _, p := range problems {
			rest += p.Place().String() + ": " + p.Message + "\n" + p.Hint + "\n"
		}
		all := rest
		for _, want := range test.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s\nlacks %q:\n%s", test.text, want, all)
			}
			rest = after
		}
		if test.want == nil && all != "" {
			t.Errorf("%s\n%s", test.text, all)
		}
	}
}

// Mistakes that only a host shows.
func TestNewcomersOfHosts(t *testing.T) {
	for text, want := range map[string]string{
		"resources:\n  - file: /x\n    content: \"${var.words}\"\n":              "use each, or a template with range",
		"resources:\n  - file: /x\n    content: a\n    notify: service[nginx]\n": "or include the role that does",
	} {
		if _, err := compileText(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}
