//go:build e2e

package appliance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSocketGroup: a user of socket_group works without root, another one doesn't. Both are
// nobody, one of them with the group operator, which every Debian has.
func TestSocketGroup(t *testing.T) {
	t.Parallel()
	ns, dir := startNamespace(t, map[string]string{"socket": "run/rackhand.sock", "socket_group": "operator"})
	sh(t, "ip", "-n", ns, "addr", "add", "10.77.0.1/24", "dev", "eth1")
	sh(t, "ip", "-n", ns, "link", "set", "eth1", "up")
	file("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, install: never}\n")(t, ns, dir)
	// Tests' own folders are closed to other users.
	open, err := os.MkdirTemp("/tmp", "rackhand-group-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	bin, inventory := filepath.Join(open, "rackhand"), filepath.Join(open, "inventory")
	sh(t, "chmod", "755", open)
	sh(t, "cp", program(t), bin)
	sh(t, "cp", "-r", filepath.Join(dir, "inventory"), inventory)
	settings := filepath.Join(dir, "rackhand.yaml")
	text, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(open, "run", "rackhand.sock")
	file("rackhand.yaml", strings.Replace(string(text), "run/rackhand.sock", socket, 1))(t, ns, dir)
	r := runner{t, ns, dir}
	cmd, _ := r.serve()
	defer r.stop(cmd)

	as := func(groups string, args ...string) (string, error) {
		cmd := exec.Command("setpriv", append([]string{"--reuid", "nobody", "--regid", "nogroup", groups, bin}, args...)...)
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp") // another one may be closed to other users
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	member := func(args ...string) (string, error) { return as("--groups=operator", args...) }
	if out, err := as("--clear-groups", "status", "--socket", socket); err == nil || !strings.Contains(out, "permission denied") {
		t.Errorf("a user outside the group: %v: %s", err, out)
	}
	for _, want := range []struct{ args, text string }{
		{"status", "web1"}, {"trace web1", "no packet or request"}, {"enrol web1", "--token"},
	} {
		out, err := member(append(strings.Fields(want.args), "--socket", socket)...)
		if err != nil || !strings.Contains(out, want.text) {
			t.Errorf("%s: %v: %s", want.args, err, out)
		}
	}
	set := []string{"set", "hosts.web1.address", "10.77.0.12", "--inventory", inventory}
	if out, err := member(set...); err == nil {
		t.Errorf("the inventory of root was changed: %s", out)
	}
	sh(t, "chgrp", "-R", "operator", inventory)
	sh(t, "chmod", "-R", "g+rwX", inventory)
	if out, err := member(set...); err != nil {
		t.Errorf("the inventory of the group wasn't changed: %v: %s", err, out)
	}
	if got := strings.TrimSpace(sh(t, "stat", "-c", "%U:%G %a", filepath.Join(inventory, "rack.yaml"))); got != "nobody:operator 664" {
		t.Error(got)
	}
	if got := strings.TrimSpace(sh(t, "stat", "-c", "%U:%G %a", socket)); got != "root:operator 660" {
		t.Error(got)
	}
}
