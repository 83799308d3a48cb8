// Package hosttest boots Debian systems for tests, in containers: a bare one, or one that a
// real appliance manages by the real agent, on a network of the two.
package hosttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rackhand/provision/janitor/container"
	"rackhand/provision/janitor/space"
)

// A Host is a booted Debian.
type Host struct {
	Root string // its root folder, as this machine sees it

	t      testing.TB
	inside []string // the command line before a program that runs in it
	socket string   // of its appliance; "" for a bare host
}

// New is a host that isn't booted yet. Its root folder is a copy of the folder system, which
// `.ci/system` makes.
func New(t testing.TB, system string) *Host {
	t.Helper()
	if _, err := os.Stat(filepath.Join(system, "usr/bin/dpkg")); err != nil {
		t.Fatalf("%s is no system: %v: RACKHAND_PEERS names the folder in which `make e2e` and `make bench` make such systems", system, err)
	}
	h := &Host{t: t, Root: filepath.Join(t.TempDir(), "root")}
	must(t, "cp", "-a", "--reflink=auto", system, h.Root)
	return h
}

// Folder is a host that is never booted: its root folder is empty, and the agent works in it
// from outside (--root-dir).
func Folder(t testing.TB) *Host {
	t.Helper()
	return &Host{t: t, Root: filepath.Join(t.TempDir(), "root")}
}

// Alone boots the host without an appliance. Its network has nothing but the host.
func (h *Host) Alone() {
	h.t.Helper()
	h.boot(space.New(h.t, "host"))
}

// boot boots the host in a network namespace.
func (h *Host) boot(ns string) {
	h.t.Helper()
	h.inside = container.Boot(h.t, h.Root, "--hostname="+name, "--resolv-conf=off", "--machine=rackhand-"+ns, "--network-namespace-path=/run/netns/"+ns)
}

// Do runs a program on the host, which must succeed, and returns its output.
func (h *Host) Do(args ...string) string {
	h.t.Helper()
	return must(h.t, h.inside[0], append(h.inside[1:], args...)...)
}

// Try runs a program on the host.
func (h *Host) Try(args ...string) (output string, err error) {
	out, err := exec.Command(h.inside[0], append(h.inside[1:], args...)...).CombinedOutput()
	return string(out), err
}

// Write writes a file of the host.
func (h *Host) Write(name, text string, mode os.FileMode) {
	h.t.Helper()
	path := filepath.Join(h.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		h.t.Fatal(err)
	}
}

func must(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}
