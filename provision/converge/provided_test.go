package converge

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// logins stands for the provider of users: it keeps the hash that each was given.
type logins map[string]string

func (l logins) Check(_ context.Context, r *catalog.Resource) ([]string, error) {
	if l[r.User.Name] == r.User.Password {
		return nil, nil
	}
	return []string{catalog.PasswordChanged}, nil
}

func (l logins) Apply(_ context.Context, r *catalog.Resource) error {
	l[r.User.Name] = r.User.Password
	return nil
}

// TestPasswords: the agent fetches a password's hash at each run and keeps it nowhere. A new
// one counts as a new secret of a file does, not as drift. Without the appliance, the user
// stays as it is.
func TestPasswords(t *testing.T) {
	r := newTestHost(t)
	users := logins{}
	r.Engine.Providers[catalog.KindUser] = users
	deploy := catalog.Resource{ID: "user[deploy]", User: &catalog.User{Name: "deploy", Ensure: catalog.Present, Password: "$6$salt$hunter2-hash"}}
	deploy.User.Password = strings.ReplaceAll(deploy.User.Password, "-", ".")
	r.app.byHash(deploy, file("/etc/motd", "hello\n"))
	r.once(catalog.Changed)
	r.once(catalog.OK)
	if users["deploy"] != deploy.User.Password {
		t.Errorf("the hash is %q", users["deploy"])
	}
	r.app.secret[deploy.ID] = "$6$salt$hunter2.next.hash"
	r.once(catalog.Changed)
	last := r.app.reports[len(r.app.reports)-1].Results[0]
	if users["deploy"] != r.app.secret[deploy.ID] || last.Message != catalog.PasswordChanged || last.Cause != catalog.CauseSecret {
		t.Errorf("%q, %+v", users["deploy"], last)
	}
	r.app.secret[deploy.ID] = "hunter2" // not a hash
	if status, _ := r.Once(t.Context(), false); status != catalog.Failed || users["deploy"] == "hunter2" {
		t.Errorf("a plain password: %s, %v", status, r.results())
	}
	r.app.secret[deploy.ID] = ""
	if status, _ := r.Once(t.Context(), false); status != catalog.Failed || users["deploy"] == "" {
		t.Errorf("an empty password: %s, %v", status, r.results())
	}
	r.app.Close()
	r.restart()
	r.Engine.Providers[catalog.KindUser] = users
	users["deploy"] = "by hand"
	r.once(catalog.OK)
	if users["deploy"] != "by hand" {
		t.Errorf("without the appliance the hash became %q", users["deploy"])
	}
	r.noSecrets()
	for _, kept := range []string{"catalog-2.json", "state.json"} {
		if b, err := os.ReadFile(filepath.Join(r.root.folder(), kept)); err != nil || strings.Contains(string(b), "hunter2") {
			t.Errorf("%s: %v %s", kept, err, b)
		}
	}
}

// TestExecRefresh: a command that is notified is run in the same run, once. It waits on disk
// until it has succeeded. Its conditions hold, too, in a dry run as well.
func TestExecRefresh(t *testing.T) {
	f := newFakes(t)
	mark := filepath.Join(f.dir, "mark")
	run := func(e catalog.Exec) catalog.Resource {
		e.Name, e.Command = "rebuild", []string{"/bin/sh", "-ec", "echo x >> " + mark + "; test ! -e " + mark + ".broken"}
		return catalog.Resource{ID: "exec[rebuild]", Exec: &e}
	}
	lines := func() int {
		b, _ := os.ReadFile(mark)
		return strings.Count(string(b), "x")
	}
	f.write("root/bin/sh", "")
	step := func(what string, noop bool, e catalog.Exec, content, want string, runs int) {
		t.Helper()
		all := []catalog.Resource{file("/etc/aliases", content, "exec[rebuild]"), run(e)}
		before := lines()
		state := f.state()
		got := statuses(f.engine().Converge(t.Context(), &catalog.Catalog{Resources: all}, state, noop))
		if !strings.HasPrefix(got[1], "exec[rebuild] "+want) || lines()-before != runs {
			t.Errorf("%s: %q after %d runs, want %q after %d", what, got, lines()-before, want, runs)
		}
	}
	only := catalog.Exec{RefreshOnly: true}
	step("dry run", true, only, "1", "changed run, since file[/etc/aliases] changed", 0)
	step("notified", false, only, "1", "changed run, since file[/etc/aliases] changed", 1)
	step("not notified", false, only, "1", "ok", 0)
	f.write("mark.broken", "")
	step("fails", false, only, "2", "failed sh: exit status 1 (the refresh stays pending)", 1)
	step("fails again", false, only, "2", "failed", 1)
	if err := os.Remove(mark + ".broken"); err != nil {
		t.Fatal(err)
	}
	step("made up for", false, only, "2", "changed run, since file[/etc/aliases] changed", 1)
	step("always, and notified: once", false, catalog.Exec{}, "3", "changed run", 1)
	step("nothing stays pending", false, only, "3", "ok", 0)
	f.write("root/made", "")
	held := catalog.Exec{Creates: "/made"}
	step("notified, but its condition holds", true, held, "4", "ok", 0)
	step("notified, but its condition holds", false, held, "4", "ok", 0)
	f.write("mark.broken", "")
	hidden := catalog.Exec{Sensitive: true}
	step("output is hidden", false, hidden, "4", "failed sh: exit status 1", 1)
}

// TestExecMissing: in a dry run, a program that an earlier package may bring is unknown; in a
// run it is an error that names it.
func TestExecMissing(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "tool\n")
	use := catalog.Resource{ID: "exec[use]", Exec: &catalog.Exec{Name: "use", Command: []string{"no-such-tool"}}, Require: []string{"package[tool]"}}
	as := catalog.Resource{ID: "exec[as]", Exec: &catalog.Exec{Name: "as", Command: []string{"sh"}, User: "nobody-here", OnlyIf: []string{"sh"}}, Require: []string{"package[tool]"}}
	in := catalog.Resource{ID: "exec[in]", Exec: &catalog.Exec{Name: "in", Command: []string{"sh"}, Cwd: "/srv/app"}}
	f.write("root/bin/sh", "")
	t.Setenv("PATH", os.Getenv("PATH")+":/bin")
	all := []catalog.Resource{pkg("tool", "present"), use, as, in}
	for noop, want := range map[bool][]string{
		true:  {"package[tool] ", "exec[use] unknown until package[tool] is made: there is no program no-such-tool", "exec[as] unknown until package[tool] is made: there is no user", "exec[in] unknown until package[tool] is made: there is no folder /srv/app"},
		false: {"package[tool] ", "exec[use] failed there is no program no-such-tool", "exec[as] failed there is no user nobody-here in /etc/passwd: declare user[nobody-here]", "exec[in] failed there is no folder"},
	} {
		f.write("installed", "")
		got := statuses(f.engine().Converge(t.Context(), &catalog.Catalog{Resources: all}, f.state(), noop))
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("noop %v: %q, want %q", noop, got[i], want[i])
			}
		}
	}
}
