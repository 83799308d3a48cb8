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
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// bootedUpgrade is the agent's own program, under the unit that the installer leaves, and an
// appliance that offers it others.
type bootedUpgrade struct {
	*booted
	app             *appliance
	path            string // of the program
	one, two, three []byte // three versions of it
}

// upgrade replaces the agent's program. A bad program is refused and the old one goes on; a
// good one takes its place as the same process. Whenever it is killed meanwhile, the host
// has an agent that runs.
func (b *booted) upgrade(t *testing.T) {
	u := &bootedUpgrade{booted: b, app: newAppliance(t, time.Now()), path: b.root.In("/usr/local/sbin/rackhand-agent")}
	addr := b.listen(t, u.app)
	u.one = b.build(t, "test-version-1")
	u.two = bytes.ReplaceAll(u.one, []byte("test-version-1"), []byte("test-version-2"))
	u.three = bytes.ReplaceAll(u.one, []byte("test-version-1"), []byte("test-version-3"))
	b.write("/usr/local/sbin/rackhand-agent", string(u.one))
	b.write("/etc/rackhand/agent.json", fmt.Sprintf(`{"appliance": "https://%s", "host": "web1"}`, addr))
	b.write("/etc/rackhand/ca.pem", u.app.caPEM())
	b.write("/etc/rackhand/enrol-token", u.app.token)
	b.write("/etc/systemd/system/rackhand-agent.service", agentUnit(t))
	// One small file: this is about the program alone.
	u.app.catalog.Resources = []catalog.Resource{file("/etc/motd", "hello\n")}
	b.do("systemctl", "daemon-reload")
	t.Cleanup(func() { b.do("systemctl", "stop", "rackhand-agent") })
	b.do("systemctl", "start", "rackhand-agent")
	u.await(t, "at first", "test-version-1", 0)
	u.refuses(t, "a program that crashes", "#!/bin/sh\necho it was like this >&2\nexit 3\n", "exit status 3: it was like this")
	u.refuses(t, "a program that can't be started", "\x7fELF"+strings.Repeat("x", 1000), "exec format error")
	u.replaced(t)
	u.killed(t)
}

// refuses offers a bad program: the agent goes on as it is, and the journal says why.
func (u *bootedUpgrade) refuses(t *testing.T, name, program, why string) {
	t.Helper()
	u.offer("v9", []byte(program))
	pid := u.unit("MainPID")
	u.do("systemctl", "restart", "rackhand-agent")
	if pid == u.unit("MainPID") {
		t.Fatal("it was not restarted")
	}
	pid = u.unit("MainPID")
	for i := 0; !strings.Contains(u.do("journalctl", "--unit=rackhand-agent", "--no-pager"), why); i++ {
		if time.Sleep(50 * time.Millisecond); i == 600 {
			t.Fatalf("%s is not refused:\n%s", name, u.do("journalctl", "--unit=rackhand-agent", "--no-pager", "--lines=50"))
		}
	}
	if got := u.unit("MainPID"); got != pid || u.unit("ActiveState") != "active" || u.text(u.path) != string(u.one) {
		t.Errorf("%s: the agent was process %s and is %s", name, pid, got)
	}
}

// replaced offers a good program, which takes the place of the old one.
func (u *bootedUpgrade) replaced(t *testing.T) {
	from := u.heard()
	u.offer("test-version-2", u.two)
	u.do("systemctl", "restart", "rackhand-agent")
	pid := u.unit("MainPID")
	u.await(t, "the upgrade", "test-version-2", from)
	if got := u.unit("MainPID"); got != pid || u.unit("NRestarts") != "0" || u.text(u.path) != string(u.two) || u.text(u.path+".previous") != string(u.one) {
		t.Errorf("it was process %s and is %s, %s restarts", pid, got, u.unit("NRestarts"))
	}
	if got := strings.TrimSpace(u.do("/usr/local/sbin/rackhand-agent", "version")); got != "test-version-2" {
		t.Errorf("version %q", got)
	}
}

// killed kills all processes of the unit while the agent upgrades to the third program.
func (u *bootedUpgrade) killed(t *testing.T) {
	u.offer("test-version-3", u.three)
	hit := 0
	for n := range 10 {
		u.do("systemctl", "restart", "rackhand-agent")
		time.Sleep(time.Duration(n) * 15 * time.Millisecond)
		// systemd can't kill what is just being started (EIO).
		if out, err := u.Run(t.Context(), nil, "systemctl", "kill", "--signal=KILL", "--kill-whom=all", "rackhand-agent"); err != nil {
			t.Fatal(err)
		} else if out.Code == 0 {
			hit++
		}
		if got := u.text(u.path); got != string(u.two) && got != string(u.three) {
			t.Fatalf("after kill %d the program has %d bytes", n, len(got))
		}
		u.do("systemctl", "reset-failed", "rackhand-agent")
	}
	if hit < 5 {
		t.Errorf("%d of 10 kills hit it", hit)
	}
	from := u.heard()
	u.do("rm", "-f", "/var/lib/rackhand-agent/upgrade.json") // those kills would count against v3
	u.do("systemctl", "restart", "rackhand-agent")
	u.await(t, "after the kills", "test-version-3", from)
}

// unit is a property of the agent's unit.
func (u *bootedUpgrade) unit(property string) string {
	return strings.TrimSpace(u.do("systemctl", "show", "--property="+property, "--value", "rackhand-agent"))
}

func (u *bootedUpgrade) offer(version string, program []byte) {
	u.app.mu.Lock()
	defer u.app.mu.Unlock()
	u.app.agents.put(version, program)
}

// heard is how often agents have asked for the catalog.
func (u *bootedUpgrade) heard() int {
	u.app.mu.Lock()
	defer u.app.mu.Unlock()
	return len(u.app.agents.heard)
}

// await waits until the agent of a version asks for its catalog, as the daemon.
func (u *bootedUpgrade) await(t *testing.T, what, version string, from int) {
	t.Helper()
	for i := 0; ; i++ {
		u.app.mu.Lock()
		heard := slices.Clone(u.app.agents.heard[from:])
		u.app.mu.Unlock()
		if slices.Contains(heard, version) {
			return
		}
		if time.Sleep(20 * time.Millisecond); i == 3000 {
			t.Fatalf("%s: no agent %s asks: %q\n%s", what, version, heard, u.do("journalctl", "--unit=rackhand-agent", "--no-pager", "--lines=50"))
		}
	}
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
