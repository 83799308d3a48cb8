package converge

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/upgrade"
)

// agents is what a fake appliance does about versions of the agent.
type agents struct {
	offer   string // the value of the header; "": no offer
	program []byte
	heard   []string // versions that asked for the catalog, trials with a "?"
}

func (a *agents) put(version string, program []byte) catalog.Offer {
	sum := sha256.Sum256(program)
	o := catalog.Offer{Version: version, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(program))}
	a.offer, a.program = o.String(), program
	return o
}

// serve answers what it alone knows of.
func (a *agents) serve(app *appliance, w http.ResponseWriter, r *http.Request) bool {
	if !app.known(r) {
		if a.offer != "" { // as someone else might
			w.Header().Set(catalog.HeaderOffer, a.offer)
		}
		return false
	}
	if strings.HasPrefix(r.URL.Path, "/v1/agent/") {
		if !strings.Contains(a.offer, filepath.Base(r.URL.Path)) {
			http.NotFound(w, r)
		} else {
			w.Write(a.program)
		}
		return true
	}
	if version := r.Header.Get(catalog.HeaderAgent); r.URL.Path == catalogPath && version != "" {
		if r.Header.Get(catalog.HeaderTrial) != "" {
			version += "?"
		}
		a.heard = append(a.heard, version)
		if a.offer != "" && !strings.HasPrefix(a.offer, version+" ") {
			w.Header().Set(catalog.HeaderOffer, a.offer)
		}
	}
	return false
}

// with gives the rig's agent a version, a program on disk, and an Upgrader whose trial does
// as it is told.
func (r *rig) with(version, program string, trial upgrade.Trial) {
	r.t.Helper()
	r.Version = version
	path := filepath.Join(r.dir, "sbin", "rackhand-agent")
	if program != "" {
		r.write("sbin/rackhand-agent", program)
	}
	r.Upgrade = &upgrade.Upgrader{
		Program: upgrade.Program{Path: path}, Record: r.root.In("/var/lib/rackhand-agent/upgrade.json"), Log: r.Log, Trial: trial,
		Control: func(ctx context.Context) error { return r.Trial(ctx, false) },
	}
	if err := r.Upgrade.Open(); err != nil {
		r.t.Fatal(err)
	}
}

// TestUpgrade: what is offered is fetched over the run's one connection, tried, and takes
// the program's place; what fails its trial is reported, and isn't taken again.
func TestUpgrade(t *testing.T) {
	r := newRig(t)
	tried := 0
	fails := errors.New("it crashed")
	trial := func(context.Context, string) error { tried++; return fails }
	r.with("v1", "program one", trial)
	refused := r.app.agents.put("v2", []byte("program two"))
	round := func(replaced bool) {
		t.Helper()
		r.once(map[bool]string{true: catalog.Changed, false: catalog.OK}[r.app.calls["/v1/report"] == 0])
		if got := r.tryUpgrade(t.Context()); got != replaced {
			t.Errorf("replaced: %t, want %t\n%s", got, replaced, r.out)
		}
	}
	round(false)
	round(false)
	r.restart()
	r.with("v1", "", trial)
	round(false)
	round(false)
	if tried != 1 || r.app.calls["/v1/agent/"+refused.SHA256] != 1 || r.exists("sbin/rackhand-agent.next") {
		t.Errorf("a program that failed was tried %d times: %v", tried, r.app.calls)
	}
	last := r.app.reports[len(r.app.reports)-1]
	if len(last.Warnings) != 1 || !strings.Contains(last.Warnings[0], "version v2 of the agent is refused: it crashed") {
		t.Errorf("reported: %q", last.Warnings)
	}
	if want := []string{"v1", "v1?", "v1", "v1", "v1"}; !slices.Equal(r.app.agents.heard, want) {
		t.Errorf("heard %q, want %q", r.app.agents.heard, want)
	}

	fails = nil
	r.app.agents.put("v3", []byte("program three"))
	round(true)
	if r.read("sbin/rackhand-agent") != "program three" || r.read("sbin/rackhand-agent.previous") != "program one" || r.exists("sbin/rackhand-agent.next") {
		t.Errorf("it was not replaced: %q", r.read("sbin/rackhand-agent"))
	}
	r.restart()
	r.with("v3", "", trial)
	round(false)
	if last := r.app.reports[len(r.app.reports)-1]; tried != 2 || len(last.Warnings) > 0 {
		t.Errorf("tried %d times, then reported %q", tried, last.Warnings)
	}
}

// TestUpgradeWithoutCatalog: an agent that gets no catalog that it can use is upgraded all the
// same; an offer that doesn't come over mutual TLS is none.
func TestUpgradeWithoutCatalog(t *testing.T) {
	for _, broken := range []func(a *appliance){
		func(a *appliance) { a.fail[catalogPath] = http.StatusServiceUnavailable },
		func(a *appliance) { a.catalog.Host = "web2" },
	} {
		r := newRig(t)
		r.with("v1", "one", nil)
		r.app.agents.put("v2", []byte("two"))
		broken(r.app)
		if _, err := r.Once(t.Context(), false); err == nil || !r.Upgrade.Staged() {
			t.Errorf("%v, staged %t\n%s", err, r.Upgrade.Staged(), r.out)
		}
	}
	r := newRig(t)
	r.with("v1", "one", nil)
	r.app.agents.put("v2", []byte("two"))
	r.app.fail["/v1/enrol"] = http.StatusForbidden
	if _, err := r.Once(t.Context(), false); err == nil || r.Upgrade.Staged() || r.exists("sbin/rackhand-agent.next") {
		t.Errorf("%v, staged %t\n%s", err, r.Upgrade.Staged(), r.out)
	}
}

// TestUpgradeUndecided: an appliance that is away during a trial, or has no usable catalog
// for either program, says nothing against the new one.
func TestUpgradeUndecided(t *testing.T) {
	for _, away := range []bool{true, false} {
		r := newRig(t)
		r.with("v1", "one", func(context.Context, string) error {
			if r.app.catalog.Host = "web2"; away {
				r.app.fail[catalogPath] = http.StatusServiceUnavailable
			}
			return errors.New("no catalog")
		})
		r.Sleep = func(ctx context.Context, d time.Duration) error {
			if r.pauses++; r.pauses > 30 {
				return context.DeadlineExceeded
			}
			return nil
		}
		r.app.agents.put("v2", []byte("two"))
		r.once(catalog.Changed)
		for range 5 {
			r.pauses = 0
			if r.tryUpgrade(t.Context()) {
				t.Fatal("it was replaced")
			}
			delete(r.app.fail, catalogPath)
			r.app.catalog.Host = "web1"
			r.once(catalog.OK)
		}
		r.Upgrade.Trial = func(context.Context, string) error { return nil }
		if !r.tryUpgrade(t.Context()) {
			t.Errorf("away %t: it is refused\n%s", away, r.out)
		}
	}
}

// TestTrial: a program on trial says so, fetches the whole catalog and makes a dry run.
func TestTrial(t *testing.T) {
	r := newRig(t)
	r.once(catalog.Changed)
	r.write("root/etc/motd", "drift")
	r.Version = "v2"
	if err := r.Trial(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got := r.app.agents.heard; !slices.Equal(got, []string{"v2?"}) || r.read("root/etc/motd") != "drift" || len(r.app.reports) != 1 {
		t.Errorf("heard %q, reports %d", got, len(r.app.reports))
	}
	r.app.catalog.Host = "web2"
	if err := r.Trial(t.Context(), true); err == nil || !strings.Contains(err.Error(), "it is for host \"web2\"") {
		t.Error(err)
	}
}

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
		Engine: &Engine{Log: log, Clock: time.Now, Sleep: Sleep, Files: &Files{Paths: paths, Runner: command.Exec{}, Random: rand.Reader, Contents: contents}, Contents: contents},
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

// TestUpgradeKilled kills the agent, its trial and its successor at 200 moments of an
// upgrade. After each, the program in place is the old or the new one, whole, and the next
// start goes on; in the end the new one keeps the host.
func TestUpgradeKilled(t *testing.T) {
	r := newRig(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := func(version string) []byte {
		pad := bytes.Repeat([]byte("# a program has some megabytes, which take a while to come\n"), 50_000)
		return fmt.Appendf(nil, "#!/bin/sh\n%s=%s %s=%s exec %s \"$@\"\n%s", upgradeIn, r.dir, upgradeVersion, version, binary, pad)
	}
	one, two := program("v1"), program("v2")
	path := filepath.Join(r.dir, "sbin", "rackhand-agent")
	begin := func() {
		t.Helper()
		r.write("sbin/rackhand-agent", string(one))
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	r.app.agents.put("v2", two)
	heard := func(version string) bool {
		r.app.mu.Lock()
		defer r.app.mu.Unlock()
		return slices.Contains(r.app.agents.heard, version)
	}
	start := func() (kill func(), ended chan error) {
		var out bytes.Buffer
		cmd := exec.Command(path, "daemon")
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatalf("there is no agent that starts: %v", err)
		}
		ended = make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		return func() {
			cmd.Process.Kill()
			if err := <-ended; cmd.ProcessState.Exited() {
				t.Errorf("the agent ended: %v\n%s", err, &out)
			}
		}, ended
	}
	// How long an upgrade takes, from the start of the old to the catalog of the new.
	whole := func() time.Duration {
		t.Helper()
		began := time.Now()
		kill, _ := start()
		for i := 0; !heard("v2"); i++ {
			if time.Sleep(5 * time.Millisecond); i == 12_000 {
				kill()
				t.Fatalf("no upgrade: heard %q", r.app.agents.heard)
			}
		}
		took := time.Since(began)
		kill()
		return took
	}
	took := whole()
	random := mrand.New(mrand.NewPCG(13, 200))
	upgrades := 0
	for n := range 200 {
		got := r.read("sbin/rackhand-agent")
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o755 || got != string(one) && got != string(two) {
			t.Fatalf("after %d kills the agent has %d bytes, %v, %v", n, len(got), info.Mode(), err)
		}
		if got == string(two) && random.IntN(2) == 0 { // or it is killed as the new one
			upgrades++
			begin()
		}
		if n%40 == 0 {
			r.write("root/var/lib/rackhand-agent/upgrade.json", "{}") // kills during trials count against a program
		}
		kill, _ := start()
		time.Sleep(time.Duration(random.Int64N(int64(took))))
		kill()
	}
	r.write("root/var/lib/rackhand-agent/upgrade.json", "{}")
	begin()
	r.app.agents.heard = nil
	r.write("root/etc/motd", "drift")
	whole()
	if r.read("sbin/rackhand-agent") != string(two) || upgrades == 0 {
		t.Errorf("%d upgrades between the kills; in the end it has not upgraded", upgrades)
	}
	for i := 0; r.read("root/etc/motd") != "hello\n"; i++ {
		if i == 100 {
			t.Fatal("the host was not converged in the end")
		}
		kill, _ := start()
		time.Sleep(50 * time.Millisecond)
		kill()
	}
	if left, err := filepath.Glob(filepath.Join(r.dir, "sbin", "*")); err != nil || len(left) != 2 {
		t.Errorf("beside the agent: %v, %v", left, err)
	}
	t.Logf("an upgrade takes %s; %d upgrades between 200 kills", took, upgrades)
}
