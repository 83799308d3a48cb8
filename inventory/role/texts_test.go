package role

import (
	"reflect"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

const (
	aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE"
	bobKey   = "ssh-rsa AAAAB3NzaC1yc2EAAAABZQAAAAFu"
)

func TestTextKinds(t *testing.T) {
	c, err := compileText(t, `resources:
  - sudoers: deploy
    group: admin
    commands: ALL
    nopasswd: yes
  - package: sudo
  - cron: report
    minute: "*/5"
    weekday: mon-fri
    command: /bin/report
    environment: [PATH=/bin]
  - cron: old
    ensure: absent
  - authorized_key: bob
    user: deploy
    key: `+bobKey+` bob@home
    exclusive: true
  - authorized_key: alice
    user: deploy
    key: `+aliceKey+`
    options: ['from="10.0.0.0/8"', no-pty]
    exclusive: true
  - authorized_key: carol
    user: root
    key: `+aliceKey+`
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	present := catalog.Present
	want := []catalog.Resource{
		{Package: &catalog.Package{Name: "sudo", Ensure: present}},
		{Sudoers: &catalog.Sudoers{Name: "deploy", Ensure: present, Group: "admin", Commands: []string{"ALL"}, NoPasswd: true}, Require: []string{"package[sudo]"}},
		{Cron: &catalog.Cron{Name: "report", Ensure: present, User: "root", Schedule: "*/5 * * * mon-fri", Command: "/bin/report", Environment: []string{"PATH=/bin"}}},
		{Cron: &catalog.Cron{Name: "old", Ensure: catalog.Absent}},
		// One of a user's exclusive keys removes the others.
		{AuthorizedKey: &catalog.AuthorizedKey{Name: "bob", Ensure: present, User: "deploy", Key: bobKey, Exclusive: true, Keep: []string{aliceKey, bobKey}}},
		{AuthorizedKey: &catalog.AuthorizedKey{Name: "alice", Ensure: present, User: "deploy", Key: aliceKey, Options: []string{`from="10.0.0.0/8"`, "no-pty"}}},
		{AuthorizedKey: &catalog.AuthorizedKey{Name: "carol", Ensure: present, User: "root", Key: aliceKey}},
	}
	for i, r := range c.Catalog.Resources {
		r.ID, r.Source = "", ""
		if !reflect.DeepEqual(r, want[i]) {
			_, spec := r.Kind()
			t.Errorf("%s: %+v, requires %q", spec.Title(), spec, r.Require)
		}
	}
}

func TestTextKindsProblems(t *testing.T) {
	for _, tt := range []struct{ text, wrong string }{
		{"- cron: a.b\n    schedule: '@daily'\n    command: x\n", "roles/r.yaml:2:11: cron: \"a.b\" is not a valid name"},
		{"- cron: a\n    command: x\n", "when?"},
		{"- cron: a\n    hour: 3\n    command: x\n", "without minute, it runs every minute"},
		{"- cron: a\n    minute: 0\n    hour: 24\n    command: x\n", `roles/r.yaml:4:11: hour: hour "24": use *, or numbers from 0 to 23`},
		{"- cron: a\n    minute: 0\n    schedule: '@daily'\n    command: x\n", "exclude each other"},
		{"- cron: a\n    schedule: '@dayly'\n    command: x\n", "roles/r.yaml:3:15: schedule: schedule \"@dayly\""},
		{"- cron: a\n    schedule: '@daily'\n    command: \"x\\ny\"\n", "command has to be one line"},
		{"- cron: a\n    schedule: '@daily'\n    command: x\n    environment: [A]\n", "roles/r.yaml:5:19: environment: \"A\": write NAME=value"},
		{"- cron: a\n    schedule: '@daily'\n    command: x\n  - file: /etc/cron.d/a\n    content: x\n", "cron[a] (at roles/r.yaml:2:5) both write /etc/cron.d/a"},
		{"- sudoers: a.b\n    content: x\n", "sudo ignores files with a dot"},
		{"- sudoers: a\n", "which rule?"},
		{"- sudoers: a\n    user: b\n", "which commands?"},
		{"- sudoers: a\n    user: b\n    group: c\n    commands: ALL\n", "user and group exclude each other"},
		{"- sudoers: a\n    user: b\n    content: c\n", "exclude each other"},
		{"- sudoers: a\n    user: b\n    commands: [ALL, id]\n", `roles/r.yaml:4:21: commands: command "id": write the absolute path`},
		{"- sudoers: a\n    content: ${secret.app/password}\n", "a secret can't stand here"},
		{"- sudoers: a\n    template: secret.txt\n", "a secret can't stand here"},
		{"- line: a\n    path: /etc/sudoers.d/a\n    text: x\n  - sudoers: a\n    content: x\n", "line[a] changes a part of /etc/sudoers.d/a, and sudoers[a] (at roles/r.yaml:5:5) sets the whole"},
		{"- authorized_key: a\n    key: " + aliceKey + "\n", "whose key file?"},
		{"- authorized_key: a\n    user: b\n", "which key?"},
		{"- authorized_key: a\n    user: b\n    key: " + aliceKey[:70] + "\n", "roles/r.yaml:4:10: key: the key is not base64"},
		{"- authorized_key: a\n    user: b\n    key: \"" + aliceKey + " x\\n" + bobKey + " y\"\n", "key: the key is not base64"},
		{"- authorized_key: a\n    user: b\n    key: ${secret.app/password}\n", "a secret can't stand here"},
		{"- authorized_key: a\n    user: b\n    key: " + aliceKey + "\n    options: from=x\n", "roles/r.yaml:5:14: options:"},
	} {
		_, err := compileText(t, "resources:\n  "+tt.text, nil)
		if err == nil || !strings.Contains(err.Error(), tt.wrong) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %q", tt.text, err, tt.wrong)
		}
	}
}
