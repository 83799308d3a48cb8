//go:build e2e

package converge

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// TestNothingToDo counts, by strace, what a run with nothing to change costs: a call of
// systemctl, one of dpkg-query, a state saved once, and one connection, however many
// resources there are.
func TestNothingToDo(t *testing.T) {
	r := newTestHost(t)
	r.write("root/etc/systemd/system/multi-user.target.wants/.keep", "")
	for n := range 20 {
		name := fmt.Sprintf("x%d", n)
		r.write("units/"+name, "active\nenabled\n")
		if err := os.Symlink("/lib/systemd/system/"+name, filepath.Join(r.dir, "root/etc/systemd/system/multi-user.target.wants", name)); err != nil {
			t.Fatal(err)
		}
		r.app.catalog.Resources = append(r.app.catalog.Resources, pkg(name, "present"), file("/etc/"+name, "x"),
			service(catalog.Service{Name: name, Running: yes(), Enabled: yes(), Settle: 1}))
		r.write("upstream", r.read("upstream")+name+"\n")
	}
	r.app.byHash(append(r.app.catalog.Resources, sensitive("/etc/key", "hunter2"), sensitive("/etc/key2", "hunter3"))...)
	r.once(catalog.Changed)
	r.once(catalog.OK)
	trace := filepath.Join(r.dir, "trace")
	cmd := exec.Command("strace", "-f", "-qq", "-e", "signal=none", "-e", "trace=fsync,fdatasync,sync,syncfs,connect,execve", "-o", trace, os.Args[0])
	cmd.Env = append(os.Environ(), onceIn+"="+r.dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "status ok") {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(b)) {
		for _, part := range []string{"sync(", "syncfs(", "AF_INET", `bin/systemctl"`, `bin/dpkg-query"`, `bin/apt`} {
			if strings.Contains(line, part) && !strings.Contains(line, "ENOENT") && !strings.Contains(line, "resumed") {
				count[part]++
			}
		}
	}
	if count["sync("] > 2 || count["syncfs("] > 0 || count["AF_INET"] != 1 || count[`bin/systemctl"`] != 1 || count[`bin/dpkg-query"`] != 1 || count["bin/apt"] > 0 {
		t.Errorf("counted %v in\n%s", count, b)
	}
}

// inMounts is set in the copy of this test that has mounts of its own.
const inMounts = "RACKHAND_TEST_IN_MOUNTS"

// inOwnMounts runs a test again, in a copy with mounts of its own. It reports whether this is
// the copy.
func inOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inMounts) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inMounts+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// TestStateFolderUnwritable: while the agent's folder is full or read-only, resources that
// need no state are converged, the others stay, nothing is restarted, and the report says
// why. A run after that converges the rest.
func TestStateFolderUnwritable(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	r := newTestHost(t)
	folder := r.root.folder()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=128k,mode=0700"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(folder, unix.MNT_DETACH)
	r.write("units/web", "active\nenabled\n")
	r.once(catalog.Changed)
	conditions := []struct {
		name, why  string
		begin, end func() error
	}{
		{"full", "no space left on device", func() error {
			if err := os.WriteFile(filepath.Join(folder, "filler"), make([]byte, 1<<20), 0o600); err == nil {
				return fmt.Errorf("it isn't full")
			}
			return nil
		}, func() error { return os.Remove(filepath.Join(folder, "filler")) }},
		{
			"read-only", "read-only file system", func() error {
				// And a renewal that was cut short: it can be used as it lies.
				if err := os.Rename(r.root.cert(), r.root.nextCert()); err != nil {
					return err
				}
				if err := os.WriteFile(r.root.cert(), []byte("x"), 0o600); err != nil {
					return err
				}
				return unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
			},
			func() error { return unix.Mount("", folder, "", unix.MS_REMOUNT, "") },
		},
	}
	for _, c := range conditions {
		if err := c.begin(); err != nil {
			t.Fatal(c.name, err)
		}
		text := "as of " + c.name
		r.app.catalog = catalog.Catalog{Host: "web1", Version: c.name, Resources: []catalog.Resource{
			file("/etc/motd", text), file("/etc/web.conf", text, "service[web]"), service(catalog.Service{Name: "web", Running: yes()}),
		}}
		r.app.reports = nil
		r.log()
		status, err := r.Once(t.Context(), false)
		if status != catalog.Failed || err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %s, %v", c.name, status, err)
		}
		if r.read("root/etc/motd") != text || r.exists("root/etc/web.conf") && r.read("root/etc/web.conf") == text || r.actions() != "" {
			t.Errorf("%s: /etc/motd %q, services %q", c.name, r.read("root/etc/motd"), r.actions())
		}
		if len(r.app.reports) == 0 {
			t.Fatalf("%s: the appliance wasn't told", c.name)
		}
		last := r.app.reports[len(r.app.reports)-1]
		if got := statuses(last.Results); last.Status != catalog.Failed || !strings.Contains(last.Error, c.why) || len(got) != 3 || !strings.HasPrefix(got[0], "file[/etc/motd] changed") ||
			!strings.HasPrefix(got[1], "file[/etc/web.conf] failed keeping the agent's state") || !strings.HasPrefix(got[2], "service[web] skipped") {
			t.Errorf("%s: reported %+v", c.name, last)
		}
		if err := c.end(); err != nil {
			t.Fatal(c.name, err)
		}
		r.restart()
		r.once(catalog.Changed)
		if r.read("root/etc/web.conf") != text || r.actions() != "restart" {
			t.Errorf("%s: afterwards %q", c.name, r.read("root/etc/web.conf"))
		}
		if left, err := filepath.Glob(filepath.Join(folder, ".*-*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind %v, %v", c.name, left, err)
		}
	}
}
