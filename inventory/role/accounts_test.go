package role

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
)

// TestUses: an owner comes before the files that it owns, and the group before its users, in
// whatever order they are written; what is to be absent goes after what uses it.
func TestUses(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string // ids, each with what it requires
	}{
		"owner and group": {`
resources:
  - file: /srv/app
    ensure: directory
    owner: deploy
    group: web
  - user: deploy
    group: deploy
    groups: [web, adm]
  - {group: web}
  - {group: deploy}
`, []string{"group[web]", "group[deploy]", "user[deploy] group[deploy] group[web]", "file[/srv/app] group[web] user[deploy]"}},
		"absent": {`
resources:
  - {group: deploy, ensure: absent}
  - {user: deploy, ensure: absent}
`, []string{"user[deploy]", "group[deploy]"}},
		"exec and timer": {`
resources:
  - exec: index
    command: [/usr/local/bin/index, --all]
    creates: /srv/index
    user: deploy
    cwd: /srv
  - timer: index
    command: [/usr/local/bin/index]
    schedule: daily
    user: deploy
  - {file: /usr/local/bin/index, content: x}
  - {file: /srv, ensure: directory}
  - {user: deploy}
`, []string{"file[/usr/local/bin/index]", "file[/srv]", "user[deploy]", "exec[index] file[/srv] file[/usr/local/bin/index] user[deploy]", "timer[index] file[/usr/local/bin/index] user[deploy]"}},
		"before a package": {`
resources:
  - {package: a, require: "file[/x]"}
  - {file: /x, content: "", owner: deploy}
  - {user: deploy}
`, []string{"user[deploy]", "file[/x] user[deploy]", "package[a] file[/x]"}},
		"the other way round": {`
resources:
  - {user: deploy, require: "file[/x]"}
  - {file: /x, content: "", owner: deploy}
`, []string{"file[/x]", "user[deploy] file[/x]"}},
	} {
		c, err := compileText(t, tc.text, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, r := range c.Catalog.Resources {
			got = append(got, strings.Join(append([]string{r.ID}, r.Require...), " "))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestCommands: a list is a program and its arguments, a text goes to the shell, whether it
// is written or comes from a variable.
func TestCommands(t *testing.T) {
	for command, want := range map[string][]string{
		`[nginx, -t]`: {"nginx", "-t"}, `["nginx -t"]`: {"nginx -t"}, `[nginx, ""]`: {"nginx", ""},
		`nginx -t && true`: {"/bin/sh", "-ec", "nginx -t && true"}, `"${var.words}"`: {"nginx", "-t"},
		`"${var.colour}"`: {"/bin/sh", "-ec", "green"}, `"${var.app} ${var.run}"`: {"/bin/sh", "-ec", "rackhand-demo no"}, `["${var.colour}"]`: {"green"},
	} {
		c, err := compileText(t, "resources: [{exec: x, always: true, command: "+command+"}]\n", nil)
		if err != nil {
			t.Errorf("%s: %v", command, err)
			continue
		}
		if diff := cmp.Diff(want, c.Catalog.Resources[0].Exec.Command); diff != "" {
			t.Errorf("%s (-want +got):\n%s", command, diff)
		}
	}
}

// TestAccountsMade: what the fields become.
func TestAccountsMade(t *testing.T) {
	hash := "$6$salt$hunter2.hash"
	c, err := compileText(t, `
resources:
  - {user: a}
  - {user: b, system: true, groups: [], comment: "", password: "${secret.hash}", locked: false}
  - {user: c, ensure: absent, remove_home: true}
  - {service: x, drop_in: "", masked: true}
`, func(in *Input) { in.Secret = func(string) (string, error) { return hash, nil } })
	if err != nil {
		t.Fatal(err)
	}
	empty, no, yes := "", false, true
	for i, want := range []catalog.Resource{
		{User: &catalog.User{Name: "a", Ensure: catalog.Present, ManageHome: true}},
		{User: &catalog.User{Name: "b", Ensure: catalog.Present, System: true, Groups: []string{}, Comment: &empty, Password: hash, Locked: &no}},
		{User: &catalog.User{Name: "c", Ensure: catalog.Absent, RemoveHome: true}},
		{Service: &catalog.Service{Name: "x", DropIn: &empty, Masked: &yes}},
	} {
		got := c.Catalog.Resources[i]
		want.ID, want.Source = got.ID, got.Source
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestAccountProblems: mistakes that are found before anything runs.
func TestAccountProblems(t *testing.T) {
	for text, want := range map[string][]string{
		"- {exec: x, command: [a]}":                                                           {"roles/r.yaml:2:3: exec x: each run would run it", "always: true"},
		"- {exec: x, creates: /a}":                                                            {"which command?"},
		"- {exec: x, command: [a], creates: /a, always: true}":                                {"always means that it has no condition"},
		"- {exec: x, command: [a], creates: /a, exit: [0, lots]}":                             {"exit has -1"},
		"- {exec: x, command: [a], creates: a}":                                               {`creates: "a" is no path`},
		"- {user: a, membership: minimum}":                                                    {"add groups"},
		"- {user: a, remove_home: true}":                                                      {"remove_home goes with ensure: absent"},
		"- {user: a, password: hunter2}":                                                      {"not a hash as crypt(5) has it"},
		`- {user: a, password: "${secret.app/password}"}`:                                     {"not a hash as crypt(5) has it"},
		`- {user: a, comment: "${secret.app/password}"}`:                                      {"a secret can't stand here"},
		"- {user: a, expiry: tomorrow}":                                                       {"write a day such as 2027-01-31"},
		"- {timer: x, command: [a]}":                                                          {"it never starts"},
		"- {timer: x.timer, command: [a], every: 5m}":                                         {"leave the suffix out"},
		`- {timer: x, command: [a], schedule: "30 4 * * *"}`:                                  {"cron's form"},
		"- {timer: x, command: [a], every: 5m, persistent: true}":                             {"persistent goes with schedule"},
		"- {service: x, masked: true, running: true}":                                         {"can be neither running nor enabled"},
		"- {file: /x, content: a, notify: 'timer[x]'}\n- {timer: x, command: [a], every: 5m}": {"can't be notified"},
	} {
		_, err := compileText(t, "resources:\n"+text+"\n", nil)
		if err == nil {
			t.Errorf("%s is taken", text)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %q", text, err, part)
			}
		}
	}
}
