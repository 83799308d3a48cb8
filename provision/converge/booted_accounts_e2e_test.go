//go:build e2e

package converge

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func user(u catalog.User) catalog.Resource {
	if u.Ensure == "" {
		u.Ensure = catalog.Present
	}
	return catalog.Resource{ID: catalog.ID("user", u.Name), User: &u}
}

func groupOf(name, ensure string, gid *int) catalog.Resource {
	return catalog.Resource{ID: catalog.ID("group", name), Group: &catalog.Group{Name: name, Ensure: ensure, GID: gid}}
}

// accounts: what stands in the way of users and groups, and what a dry run can't tell yet.
func (b *booted) accounts(t *testing.T) {
	both := func(what string, want []string, resources ...catalog.Resource) {
		t.Helper()
		for _, noop := range []bool{true, false} {
			b.is(t, what, b.converge(noop, resources...), want...)
		}
	}
	owned := file("/srv/owned", "x")
	owned.File.Owner, owned.File.Group = "ann", "crew"
	all := []catalog.Resource{groupOf("crew", catalog.Present, nil), user(catalog.User{Name: "ann", Group: "crew", Groups: []string{"crew"}}), owned}
	b.is(t, "dry run", b.converge(true, all...), "group[crew] changed made", "user[ann] unknown until group[crew] is made: there is no group crew",
		`file[/srv/owned] unknown until user[ann] is made: owner: there is no "ann" in /etc/passwd`)
	b.is(t, "run", b.converge(false, all...), "group[crew] changed", "user[ann] changed", "file[/srv/owned] changed")
	b.is(t, "then", b.converge(false, all...), "group[crew] ok", "user[ann] ok", "file[/srv/owned] ok")

	zero, free := 0, 4321
	both("a gid of another", []string{"group[more] failed the gid 0 belongs to the group root"}, groupOf("more", catalog.Present, &zero))
	both("a uid of another", []string{"user[more] failed the uid 0 belongs to the user root"}, user(catalog.User{Name: "more", UID: &zero}))
	both("no shell", []string{"user[more] failed there is no shell /bin/fish: declare the package that brings it"}, user(catalog.User{Name: "more", Shell: "/bin/fish"}))
	both("no group", []string{"user[more] failed there is no group nowhere in /etc/group: declare group[nowhere]"}, user(catalog.User{Name: "more", Groups: []string{"nowhere"}}))
	both("a primary group", []string{"group[crew] failed it is the primary group of the user ann"}, groupOf("crew", catalog.Absent, nil))

	// A user that has processes.
	b.do("systemd-run", "--quiet", "--uid=ann", "--unit=busy", "sleep", "infinity")
	b.is(t, "busy", b.converge(false, user(catalog.User{Name: "ann", UID: &free})), "user[ann] failed usermod: exit status 8: usermod: user ann is currently used by process")
	b.is(t, "busy", b.converge(false, user(catalog.User{Name: "ann", Ensure: catalog.Absent})), "user[ann] failed userdel: exit status 8")
	if !strings.Contains(b.last[0].Message, "the user is logged in, or has processes: end them first") {
		t.Errorf("%q", b.last[0].Message)
	}
	b.do("systemctl", "stop", "busy")

	b.is(t, "both go", b.converge(false, user(catalog.User{Name: "ann", Ensure: catalog.Absent}), groupOf("crew", catalog.Absent, nil)), "user[ann] changed removed", "group[crew] changed removed")
}

// passwords: the hash is in /etc/shadow, and in no command line.
func (b *booted) passwords(t *testing.T) {
	hash := "$y$j9T$Xo2yZDxvIUTQO0qRb3yYv0$kqJ4m7oVvIYQYVZ0q5yYxgZQv9nB1bq1VxRr8X2d5t2"
	b.is(t, "made", b.converge(false, user(catalog.User{Name: "eve", Password: hash})), "user[eve] changed made")
	for _, call := range b.calls {
		if strings.Contains(call, hash) {
			t.Errorf("the hash stands in %s", call)
		}
	}
	if got := b.do("getent", "shadow", "eve"); !strings.HasPrefix(got, "eve:"+hash+":") {
		t.Errorf("%q", got)
	}
	b.do("passwd", "--lock", "eve")
	b.is(t, "locked by hand", b.converge(false, user(catalog.User{Name: "eve", Password: hash})), "user[eve] ok")
	b.is(t, "unlocked", b.converge(false, user(catalog.User{Name: "eve", Password: hash, Locked: no()})), "user[eve] changed unlocked")
	b.is(t, "masked", b.converge(false, user(catalog.User{Name: "eve", Password: catalog.Masked})), "user[eve] failed its password is masked")
	b.do("userdel", "--remove", "eve")
}

// execs: output and deadlines.
func (b *booted) execs(t *testing.T) {
	run := func(e catalog.Exec, words ...string) catalog.Resource {
		e.Name, e.Command = "x", words
		return catalog.Resource{ID: "exec[x]", Exec: &e}
	}
	b.is(t, "last lines", b.converge(false, run(catalog.Exec{}, "sh", "-c", "seq 100000; echo the end >&2; exit 3")), "exec[x] failed sh: exit status 3: the end")
	b.is(t, "sensitive", b.converge(false, run(catalog.Exec{Sensitive: true}, "sh", "-c", "echo hunter2 >&2; exit 3")), "exec[x] failed sh: exit status 3")
	if strings.Contains(b.last[0].Message, "hunter2") {
		t.Error("the output is shown")
	}
	slow := run(catalog.Exec{}, "sh", "-c", "sleep 3600 & sleep 3600")
	slow.Deadline = 1
	b.is(t, "deadline", b.converge(false, slow), "exec[x] failed ")
	if !strings.Contains(b.last[0].Message, "the deadline of 1s has passed") {
		t.Errorf("%q", b.last[0].Message)
	}
	if out := b.do("sh", "-c", "pgrep -f '[s]leep 3600' || echo none"); out != "none\n" {
		t.Errorf("still running: %s", out)
	}
}
