package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

const alice = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE"

func key(user, name string) catalog.Resource {
	return catalog.Resource{AuthorizedKey: &catalog.AuthorizedKey{Name: name, Ensure: catalog.Present, User: user, Key: alice}}
}

// user is a line of /etc/passwd; its home is made if it is below /home.
func (h *host) user(name, home string, uid int) {
	h.t.Helper()
	h.write("/etc/passwd", h.read("/etc/passwd")+fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", name, uid, os.Getgid(), home), 0o644)
}

func TestAuthorizedKey(t *testing.T) {
	h := newHost(t)
	h.user("deploy", "/home/deploy/", os.Getuid())
	h.is([]string{h.converge(key("deploy", "alice"))}, "error: the home of deploy, /home/deploy, isn't there…")
	h.write("/home/deploy/x", "", 0o644)
	other := key("deploy", "bob")
	other.AuthorizedKey.Key = "ssh-rsa AAAAB3NzaC1yc2EAAAABZQAAAAFu"
	h.is(h.dry(key("deploy", "alice"), other), "key added; .ssh: directory made", "key added")
	h.is([]string{h.converge(key("deploy", "alice")), h.converge(other), h.converge(other)}, "key added; .ssh: directory made", "key added", "")
	if got := h.read("/home/deploy/.ssh/authorized_keys"); got != alice+" alice\n"+other.AuthorizedKey.Key+" bob\n" {
		t.Errorf("the keys are\n%s", got)
	}
	if err := os.Chmod(filepath.Join(h.root, "home/deploy/.ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(h.root, "home/deploy/.ssh/authorized_keys"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.is(h.dry(key("deploy", "alice")), ".ssh: mode 0755 → 0700; mode 0644 → 0600")
	h.is([]string{h.converge(key("deploy", "alice"))}, ".ssh: mode 0755 → 0700; mode 0644 → 0600")
	other.AuthorizedKey.Ensure = catalog.Absent
	h.is([]string{h.converge(other), h.converge(other)}, "key removed, line 2", "")
}

func TestAuthorizedKeyWithoutUser(t *testing.T) {
	h := newHost(t)
	gone := key("nobody", "alice")
	gone.AuthorizedKey.Ensure = catalog.Absent
	h.user("daemon", "/", os.Getuid())
	h.user("strange", "/home/x", os.Getuid())
	h.write("/etc/passwd", strings.Replace(h.read("/etc/passwd"), fmt.Sprintf("strange:x:%d", os.Getuid()), "strange:x:many", 1), 0o644)
	h.is(
		[]string{h.converge(gone), h.converge(key("nobody", "alice")), h.converge(key("daemon", "alice")), h.converge(key("strange", "alice"))},
		"", "error: there is no user nobody: declare it before this", "error: /etc/passwd gives daemon no home…", "error: the line of strange in /etc/passwd has no numbers…",
	)
}

// A user can't make the agent write elsewhere, or hand over a file that the user can't read.
func TestAuthorizedKeyIsNotRedirected(t *testing.T) {
	h := newHost(t)
	h.user("deploy", "/home/deploy", os.Getuid())
	h.user("other", "/home/other", os.Getuid()+1)
	h.write("/home/deploy/.ssh/x", "", 0o600)
	h.write("/etc/target", "target", 0o600)
	h.write("/home/other/.ssh/authorized_keys", "secret of somebody else\n", 0o600)
	if err := os.Symlink("../../../etc/target", filepath.Join(h.root, "home/deploy/.ssh/authorized_keys")); err != nil {
		t.Fatal(err)
	}
	h.is(
		[]string{h.converge(key("deploy", "alice")), h.converge(key("other", "bob"))},
		"error: /home/deploy/.ssh/authorized_keys is a symbolic link, and is not followed…", "error: /home/other/.ssh/authorized_keys belongs to user…",
	)
	if got := h.read("/etc/target") + h.read("/home/other/.ssh/authorized_keys"); got != "targetsecret of somebody else\n" {
		t.Errorf("they are %q", got)
	}
}

func TestDroppedFilesWithoutTheirProgram(t *testing.T) {
	h := newHost(t)
	rule := catalog.Resource{Sudoers: &catalog.Sudoers{Name: "deploy", Ensure: catalog.Present, User: "deploy", Commands: []string{"ALL"}}}
	job := catalog.Resource{Cron: &catalog.Cron{Name: "job", Ensure: catalog.Present, User: "root", Schedule: "@daily", Command: "true"}}
	noRule := catalog.Resource{Sudoers: &catalog.Sudoers{Name: "deploy", Ensure: catalog.Absent}}
	noJob := catalog.Resource{Cron: &catalog.Cron{Name: "job", Ensure: catalog.Absent}}
	h.is(h.dry(rule, job, noRule, noJob), "error: there is no visudo, which has to check the rules: declare package[sudo]…", "error: there is no /etc/cron.d: declare package[cron]…", "", "")
}
