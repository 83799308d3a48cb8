package converge

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/upgrade"
)

// upgradeIn makes this test binary an agent, in the folder that the variable names; the
// shell script that is its program sets its version.
const (
	upgradeIn      = "RACKHAND_TEST_UPGRADE_IN"
	upgradeVersion = "RACKHAND_TEST_UPGRADE_VERSION"
)

func upgradingAgent(dir string, args []string) int {
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		return 1
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	paths := Paths{Root: filepath.Join(dir, "root")}
	contents := &Contents{Paths: paths, Log: log}
	a := &Agent{
		Paths: paths, Log: log, Clock: &testClock{now: at}, Sleep: Sleep, Random: mrand.New(mrand.NewPCG(1, 2)), Keys: rand.Reader,
		Synchronised: func() bool { return true }, Version: os.Getenv(upgradeVersion),
		Engine: &Engine{Log: log, Clock: time.Now, Sleep: Sleep, Files: &files.Files{Root: paths.Root, Runner: command.Exec{}, Random: rand.Reader, Contents: contents}, Contents: contents},
	}
	if slices.Contains(args, "trial") {
		if err := a.Trial(context.Background(), true); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
	path := filepath.Join(dir, "sbin", "rackhand-agent")
	a.Upgrade = &upgrade.Upgrader{
		Program: upgrade.Program{Path: path}, Record: paths.In("/var/lib/rackhand-agent/upgrade.json"), Log: log,
		Trial:   upgrade.Child(os.Stdout, "trial"),
		Control: func(ctx context.Context) error { return a.Trial(ctx, false) },
	}
	if err := a.Upgrade.Open(); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := a.Run(context.Background()); errors.Is(err, ErrReplaced) {
		err = syscall.Exec(path, []string{path, "daemon"}, os.Environ())
		fmt.Println(err)
	}
	return 1
}

// killedUpgrade is an agent that is a process of its own, and is killed while it upgrades.
type killedUpgrade struct {
	*testHost
	path     string // of the agent's program
	one, two []byte // the program in place at first, and the one that is offered
}

func newKilledUpgrade(t *testing.T) *killedUpgrade {
	t.Helper()
	u := &killedUpgrade{testHost: newTestHost(t)}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := func(version string) []byte {
		pad := bytes.Repeat([]byte("# a program has some megabytes, which take a while to come\n"), 50_000)
		return fmt.Appendf(nil, "#!/bin/sh\n%s=%s %s=%s exec %s \"$@\"\n%s", upgradeIn, u.dir, upgradeVersion, version, binary, pad)
	}
	u.path = filepath.Join(u.dir, "sbin", "rackhand-agent")
	u.one, u.two = program("v1"), program("v2")
	u.begin()
	u.app.agents.put("v2", u.two)
	return u
}

// begin puts the old program in place.
func (u *killedUpgrade) begin() {
	u.t.Helper()
	u.write("sbin/rackhand-agent", string(u.one))
	if err := os.Chmod(u.path, 0o755); err != nil {
		u.t.Fatal(err)
	}
}

// forgetTrials: a program whose trials are killed too often is refused.
func (u *killedUpgrade) forgetTrials() {
	u.write("root/var/lib/rackhand-agent/upgrade.json", "{}")
}

func (u *killedUpgrade) heard(version string) bool {
	u.app.mu.Lock()
	defer u.app.mu.Unlock()
	return slices.Contains(u.app.agents.heard, version)
}

// start starts the agent. An agent that ends before it is killed is a fault.
func (u *killedUpgrade) start() (kill func()) {
	u.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(u.path, "daemon")
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		u.t.Fatalf("the agent can't be started: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func() {
		cmd.Process.Kill()
		if err := <-ended; cmd.ProcessState.Exited() {
			u.t.Errorf("the agent ended: %v\n%s", err, &out)
		}
	}
}

// whole lets an upgrade come to its end, and returns how long that took: from the start of
// the old program until the new one asks for the catalog.
func (u *killedUpgrade) whole() time.Duration {
	u.t.Helper()
	began := time.Now()
	kill := u.start()
	defer kill()
	for i := 0; !u.heard("v2"); i++ {
		if time.Sleep(5 * time.Millisecond); i == 12_000 {
			u.t.Fatalf("no upgrade: heard %q", u.app.agents.heard)
		}
	}
	return time.Since(began)
}

// TestUpgradeKilled kills the agent, its trial and its successor at 200 moments of an
// upgrade. After each kill the program in place is the old or the new one, whole, and the
// next start goes on. In the end the new one keeps the host.
func TestUpgradeKilled(t *testing.T) {
	u := newKilledUpgrade(t)
	took := u.whole()
	random := mrand.New(mrand.NewPCG(13, 200))
	upgrades := 0
	for n := range 200 {
		got := u.read("sbin/rackhand-agent")
		info, err := os.Stat(u.path)
		if err != nil || info.Mode().Perm() != 0o755 || got != string(u.one) && got != string(u.two) {
			t.Fatalf("after %d kills the agent has %d bytes, %v, %v", n, len(got), info.Mode(), err)
		}
		if got == string(u.two) && random.IntN(2) == 0 { // or it is killed as the new one
			upgrades++
			u.begin()
		}
		if n%40 == 0 {
			u.forgetTrials()
		}
		kill := u.start()
		time.Sleep(time.Duration(random.Int64N(int64(took))))
		kill()
	}
	u.forgetTrials()
	u.begin()
	u.app.agents.heard = nil
	u.write("root/etc/motd", "drift")
	u.whole()
	if u.read("sbin/rackhand-agent") != string(u.two) || upgrades == 0 {
		t.Errorf("%d upgrades between the kills; in the end it has not upgraded", upgrades)
	}
	for i := 0; u.read("root/etc/motd") != "hello\n"; i++ {
		if i == 100 {
			t.Fatal("the host was not converged in the end")
		}
		kill := u.start()
		time.Sleep(50 * time.Millisecond)
		kill()
	}
	if left, err := filepath.Glob(filepath.Join(u.dir, "sbin", "*")); err != nil || len(left) != 2 {
		t.Errorf("beside the agent: %v, %v", left, err)
	}
	t.Logf("an upgrade takes %s; %d upgrades between 200 kills", took, upgrades)
}
