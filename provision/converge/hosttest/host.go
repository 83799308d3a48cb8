// Package hosttest boots Debian systems for tests, in containers: a bare one, or some that a
// real appliance manages by the real agent, on a network of their own.
package hosttest

import (
	"fmt"
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

	t         testing.TB
	name      string
	number    int      // of its addresses
	ns        string   // its network namespace
	inside    []string // the command line before a program that runs in it
	appliance *Appliance
}

// New is a host that isn't booted yet. Its root folder is a copy of the folder system, which
// `.ci/system` makes.
func New(t testing.TB, system string) *Host {
	t.Helper()
	if _, err := os.Stat(filepath.Join(system, "usr/bin/dpkg")); err != nil {
		t.Fatalf("%s holds no Debian system: %v: RACKHAND_PEERS names the folder in which `make e2e` and `make deps-bench` make such systems", system, err)
	}
	h := Folder(t)
	must(t, "cp", "-a", "--reflink=auto", system, h.Root)
	return h
}

// Folder is a host that is never booted: its root folder is empty, and the agent works in it
// from outside (--root-dir).
func Folder(t testing.TB) *Host {
	t.Helper()
	return &Host{t: t, name: "web1", number: 1, Root: filepath.Join(t.TempDir(), "root")}
}

// As gives the host another name than web1, and its addresses another number than 1.
func (h *Host) As(name string, number int) *Host {
	h.name, h.number = name, number
	return h
}

// Address is the host's IP address.
func (h *Host) Address() string { return fmt.Sprintf("10.77.0.%d", 10+h.number) }

// MAC is the host's MAC address.
func (h *Host) MAC() string { return fmt.Sprintf("52:54:00:00:00:%02x", h.number) }

// Alone boots the host without an appliance. Its network has nothing but the host.
func (h *Host) Alone() {
	h.t.Helper()
	h.ns = space.New(h.t, "host")
	h.Boot()
}

// Boot boots the host on the network of its appliance (Serve).
func (h *Host) Boot() {
	h.t.Helper()
	h.inside = container.Boot(h.t, h.Root, "--hostname="+h.name, "--resolv-conf=off", "--machine=rackhand-"+h.ns, "--network-namespace-path=/run/netns/"+h.ns)
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
