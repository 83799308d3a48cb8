package role

import (
	"strings"
	"testing"
)

// A file has one resource that sets the whole of it, or several that change parts.
func TestWriters(t *testing.T) {
	for _, tt := range []struct{ name, text, wrong string }{
		{"file and line", "- file: /etc/x\n    content: a\n  - line: l\n    path: /etc/x\n    text: b\n", "roles/r.yaml:4:5: line[l] changes a part of /etc/x, and file[/etc/x] (at roles/r.yaml:2:5) sets the whole of it"},
		{"line and file", "- ini: l\n    path: /etc/x\n    key: k\n    value: b\n  - file: /etc/x/\n    ensure: absent\n", "roles/r.yaml:2:5: ini[l] changes a part of /etc/x, and file[/etc/x] (at roles/r.yaml:6:5)"},
		{"parts", "- block: b\n    path: /etc/x\n    content: a\n  - line: l\n    path: /etc/x\n    text: b\n", ""},
		{"a key with two values", "- ini: a\n    path: /x\n    section: s\n    key: k\n    value: 1\n  - ini: b\n    path: /x\n    section: s\n    key: k\n    value: 2\n", "roles/r.yaml:7:5: ini[b] and ini[a] (at roles/r.yaml:2:5) set k of section [s] in /x differently"},
		{"a key with one value", "- ini: a\n    path: /x\n    key: k\n    value: 1\n  - ini: b\n    path: /x\n    key: k\n    value: 1\n", ""},
		{"a line that is to come and go", "- line: a\n    path: /x\n    text: t\n  - line: b\n    path: /x\n    text: t\n    ensure: absent\n", `set the line "t" of /x differently`},
		{"a key with two comments", "- authorized_key: a\n    user: u\n    key: " + aliceKey + "\n  - authorized_key: b\n    user: u\n    key: " + aliceKey + "\n", "of u differently"},
		{"secret in a line", "- line: l\n    path: /etc/x\n    text: ${secret.app/password}\n", "roles/r.yaml:4:11: text: a secret can't stand here"},
		{"secret in a block", "- block: l\n    path: /etc/x\n    content: ${secret.app/password}\n", "roles/r.yaml:4:14: content: a secret can't stand here"},
		{"secret in a template", "- block: l\n    path: /etc/x\n    template: secret.txt\n", "roles/r.yaml:4:15: template, for host web1: a secret can't stand here"},
		{"no path", "- line: l\n    text: b\n", "roles/r.yaml:2:5: line l: which file?"},
		{"no text", "- line: l\n    path: /x\n    match: b\n", "line l: which line?"},
		{"pattern", "- line: l\n    path: /x\n    text: b\n    match: (\n", "roles/r.yaml:5:12: match: error parsing regexp"},
		{"heavy pattern", "- line: l\n    path: /x\n    text: b\n    match: a{900}b{900}c{900}\n", "match: the expression is too complex"},
		{"title", "- line: 'l]'\n    path: /x\n    text: b\n", "roles/r.yaml:2:11: line: \"l]\" is not a valid name"},
		{"mode without create", "- line: l\n    path: /x\n    text: b\n    mode: 0600\n", "mode, owner and group are for create: true"},
		{"key with its separator", "- ini: l\n    path: /x\n    key: a=b\n    value: b\n", `key "a=b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := compileText(t, "resources:\n  "+tt.text, nil)
			switch {
			case tt.wrong == "" && err != nil:
				t.Fatal(err)
			case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "hunter2")):
				t.Fatalf("%v; want %q", err, tt.wrong)
			case err == nil && len(c.Catalog.Resources) != 2:
				t.Errorf("%+v", c.Catalog.Resources)
			}
		})
	}
}

// A purge keeps the files of all kinds.
func TestPurgeKeepsWrittenFiles(t *testing.T) {
	c, err := compileText(t, `resources:
  - file: /etc/cron.d
    ensure: directory
    purge: true
  - cron: job
    schedule: "@daily"
    command: x
  - line: l
    path: /etc/cron.d/other
    text: x
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Catalog.Resources[0].File.Declared; strings.Join(got, " ") != "job other" {
		t.Errorf("it keeps %q", got)
	}
}

// An edit comes after the folder of its file, after the user and group that it names, and
// after the package whose file it is.
func TestEditRequires(t *testing.T) {
	c, err := compileText(t, `resources:
  - line: l
    path: /srv/app/conf
    text: x
    create: true
    group: app
  - file: /srv/app
    ensure: directory
  - group: app
  - package: nginx
  - line: m
    path: /etc/nginx/nginx.conf
    text: x
  - package: cron
  - cron: n
    schedule: "@daily"
    command: x
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range c.Catalog.Resources {
		got[r.ID] = strings.Join(r.Require, " ")
	}
	if got["line[l]"] != "file[/srv/app] group[app]" || got["line[m]"] != "package[nginx]" || got["cron[n]"] != "package[cron]" {
		t.Errorf("they require %q", got)
	}
}
