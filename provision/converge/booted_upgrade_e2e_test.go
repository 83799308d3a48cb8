//go:build e2e

package converge

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// upgrade is the agent's own program, in three versions, under the unit that the installer leaves:
// a program that crashes at once and one that can't be started are refused and the old one
// goes on; a good one takes its place as the same process; and killed at moments of that, the
// host always has an agent that runs.
func (b *booted) upgrade(t *testing.T) {
	r := &rig{fakes: &fakes{t: t}, app: newAppliance(t, time.Now())}
	addr := b.listen(t, r.app)
	one := b.build(t, "test-version-1")
	two, three := bytes.ReplaceAll(one, []byte("test-version-1"), []byte("test-version-2")), bytes.ReplaceAll(one, []byte("test-version-1"), []byte("test-version-3"))
	path := b.root.In("/usr/local/sbin/rackhand-agent")
	b.write("/usr/local/sbin/rackhand-agent", string(one))
	b.write("/etc/rackhand/agent.json", fmt.Sprintf(`{"appliance": "https://%s", "host": "web1"}`, addr))
	b.write("/etc/rackhand/ca.pem", r.app.caPEM())
	b.write("/etc/rackhand/enrol-token", r.app.token)
	b.write("/etc/systemd/system/rackhand-agent.service", agentUnit(t))
	// Nothing but the file of the catalog below is of interest here.
	r.app.catalog.Resources = []catalog.Resource{file("/etc/motd", "hello\n")}
	b.do("systemctl", "daemon-reload")
	t.Cleanup(func() { b.do("systemctl", "stop", "rackhand-agent") })
	unit := func(property string) string {
		return strings.TrimSpace(b.do("systemctl", "show", "--property="+property, "--value", "rackhand-agent"))
	}
	heard := func() int {
		r.app.mu.Lock()
		defer r.app.mu.Unlock()
		return len(r.app.agents.heard)
	}
	// await waits until the agent of a version asks for its catalog, as the daemon.
	await := func(what, version string, from int) {
		t.Helper()
		for i := 0; ; i++ {
			r.app.mu.Lock()
			for _, v := range r.app.agents.heard[from:] {
				if v == version {
					r.app.mu.Unlock()
					return
				}
			}
			text := fmt.Sprint(r.app.agents.heard[from:])
			r.app.mu.Unlock()
			if time.Sleep(20 * time.Millisecond); i == 3000 {
				t.Fatalf("%s: no agent %s asks: %s\n%s", what, version, text, b.do("journalctl", "--unit=rackhand-agent", "--no-pager", "--lines=50"))
			}
		}
	}
	offer := func(version string, program []byte) {
		r.app.mu.Lock()
		defer r.app.mu.Unlock()
		r.app.agents.put(version, program)
	}
	b.do("systemctl", "start", "rackhand-agent")
	await("at first", "test-version-1", 0)
	for _, bad := range []struct{ name, program, why string }{
		{"a program that crashes", "#!/bin/sh\necho it was like this >&2\nexit 3\n", "exit status 3: it was like this"},
		{"a program that can't be started", "\x7fELF" + strings.Repeat("x", 1000), "exec format error"},
	} {
		offer("v9", []byte(bad.program))
		pid := unit("MainPID")
		b.do("systemctl", "restart", "rackhand-agent")
		if pid == unit("MainPID") {
			t.Fatal("it was not restarted")
		}
		pid = unit("MainPID")
		for i := 0; !strings.Contains(b.do("journalctl", "--unit=rackhand-agent", "--no-pager"), bad.why); i++ {
			if time.Sleep(50 * time.Millisecond); i == 600 {
				t.Fatalf("%s is not refused:\n%s", bad.name, b.do("journalctl", "--unit=rackhand-agent", "--no-pager", "--lines=50"))
			}
		}
		if got := unit("MainPID"); got != pid || unit("ActiveState") != "active" || b.text(path) != string(one) {
			t.Errorf("%s: the agent was process %s and is %s", bad.name, pid, got)
		}
	}
	from := heard()
	offer("test-version-2", two)
	b.do("systemctl", "restart", "rackhand-agent")
	pid := unit("MainPID")
	await("the upgrade", "test-version-2", from)
	if got := unit("MainPID"); got != pid || unit("NRestarts") != "0" || b.text(path) != string(two) || b.text(path+".previous") != string(one) {
		t.Errorf("it was process %s and is %s, %s restarts", pid, got, unit("NRestarts"))
	}
	if got := strings.TrimSpace(b.do("/usr/local/sbin/rackhand-agent", "version")); got != "test-version-2" {
		t.Errorf("version %q", got)
	}
	// Killed while it upgrades to a third one, by systemd's hand: all of its processes.
	offer("test-version-3", three)
	for n := range 10 {
		b.do("systemctl", "restart", "rackhand-agent")
		time.Sleep(time.Duration(n) * 15 * time.Millisecond)
		b.do("systemctl", "kill", "--signal=KILL", "--kill-whom=all", "rackhand-agent")
		if got := b.text(path); got != string(two) && got != string(three) {
			t.Fatalf("after kill %d the program has %d bytes", n, len(got))
		}
		b.do("systemctl", "reset-failed", "rackhand-agent")
	}
	from = heard()
	b.do("rm", "-f", "/var/lib/rackhand-agent/upgrade.json") // those kills would count against v3
	b.do("systemctl", "restart", "rackhand-agent")
	await("after the kills", "test-version-3", from)
}

func (b *booted) text(path string) string {
	b.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// build builds the agent as the Makefile does.
func (b *booted) build(t *testing.T, version string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", out, "rackhand/cmd/rackhand-agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return []byte(b.text(out))
}

// agentUnit is the unit as the installer's %post writes it.
func agentUnit(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../templates/builtin/agent.ks")
	if err != nil {
		t.Fatal(err)
	}
	_, unit, ok := strings.Cut(string(b), "rackhand-agent.service <<'RACKHAND'\n")
	unit, _, end := strings.Cut(unit, "RACKHAND\n")
	if !ok || !end {
		t.Fatal("agent.ks has no unit")
	}
	return unit
}

// listen lets a fake appliance answer on the container's loopback.
func (b *booted) listen(t *testing.T, a *appliance) string {
	t.Helper()
	type result struct {
		l   net.Listener
		err error
	}
	opened := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		f, err := os.Open("/proc/" + b.inside[2] + "/ns/net")
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		var l net.Listener
		if err == nil {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		opened <- result{l, err}
	}()
	got := <-opened
	if got.err != nil {
		t.Fatal(got.err)
	}
	a.Server.Close()
	a.restartOn(got.l)
	return got.l.Addr().String()
}
