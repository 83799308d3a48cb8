//go:build e2e

package appliance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/janitor/space"
	"rackhand/provision/reports"
)

// An agentBench is an appliance and a host, each in a namespace, with the programs as they
// are shipped. The host's files lie below root.
type agentBench struct {
	runner
	host, root, agent string
}

func newAgentBench(t *testing.T) agentBench {
	t.Helper()
	ns, dir := startNamespace(t, nil)
	b := agentBench{runner{t, ns, dir}, space.New(t, "host"), filepath.Join(dir, "root"), filepath.Join(dir, "rackhand-agent")}
	for _, line := range []string{
		"-n " + ns + " link set switch netns " + b.host,
		"-n " + ns + " addr add 10.77.0.1/24 dev eth1", "-n " + ns + " link set eth1 up",
		"-n " + b.host + " link set switch address 52:54:00:00:00:01 up", "-n " + b.host + " addr add 10.77.0.11/24 dev switch",
	} {
		sh(t, append([]string{"ip"}, strings.Fields(line)...)...)
	}
	file("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n"+
		"  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, role: plain, install: never}\n")(t, ns, dir)
	// The agent replaces its own file.
	sh(t, "cp", agentProgram, b.agent)
	return b
}

// has reports whether a file of the host holds text.
func (b agentBench) has(name, text string) bool {
	got, err := os.ReadFile(filepath.Join(b.root, name))
	return err == nil && string(got) == text
}

// write writes a file below the bench's folder.
func (b agentBench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// ask runs a command of the operator, which must end with a status.
func (b agentBench) ask(want int, args ...string) string {
	b.t.Helper()
	return b.run(want, exec.CommandContext(b.t.Context(), program(b.t), append(args, "--socket", filepath.Join(b.dir, "state.sock"))...))
}

// onHost is a command of the agent. The clock is the machine's, which it must not set.
func (b agentBench) onHost(args ...string) *exec.Cmd {
	args = append([]string{"netns", "exec", b.host, "setpriv", "--bounding-set=-sys_time", b.agent}, args...)
	cmd := exec.CommandContext(b.t.Context(), "ip", append(args, "--root-dir", b.root)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (b agentBench) run(want int, cmd *exec.Cmd) string {
	b.t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		b.t.Fatalf("%v: %v, want status %d:\n%s", cmd.Args, err, want, out)
	}
	return string(out)
}

// converged has the host's agent make runs until done; an edit is taken in a moment later.
func (b agentBench) converged(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		out, _ := exec.CommandContext(b.t.Context(), program(b.t), "converge", "web1", "--wait", "--socket", filepath.Join(b.dir, "state.sock")).CombinedOutput()
		if done() {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s doesn't come about:\n%s\n%s", what, out, b.ask(0, "report", "web1", "-v"))
		}
	}
}

// causes are the changes of the host's last report.
func (b agentBench) causes() string {
	b.t.Helper()
	var k reports.Kept
	if err := json.Unmarshal([]byte(b.ask(0, "report", "web1", "--json")), &k); err != nil {
		b.t.Fatal(err)
	}
	var causes []string
	for _, x := range k.Results {
		if x.Status == catalog.Changed {
			causes = append(causes, x.ID+" "+x.Cause)
		}
	}
	return strings.Join(causes, ", ")
}

func (b agentBench) status() provision.HostStatus {
	b.t.Helper()
	var st provision.Status
	if err := json.Unmarshal([]byte(b.ask(0, "status", "--json")), &st); err != nil {
		b.t.Fatal(err)
	}
	return st.Hosts[0]
}

// until waits for something.
func (b agentBench) until(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s doesn't come about", what)
		}
	}
}

// TestAgentsLife goes through the life of an agent with the programs as they are shipped:
// it enrols, converges by order, tells drift from the operator's change, writes binary files
// and secrets, is disabled, outlives the appliance, and upgrades itself.
func TestAgentsLife(t *testing.T) {
	t.Parallel() // it mostly waits: an agent asks for orders again 10 to 30 s after the appliance was killed
	b := newAgentBench(t)
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	role := func(motd string) {
		b.write("inventory/roles/plain.yaml", "resources:\n  - {file: /etc, ensure: directory}\n  - {file: /etc/motd, content: "+motd+"}\n"+
			"  - {file: /etc/key.gpg, source: key.gpg}\n  - {file: /etc/password, content: '${secret.app/key}'}\n")
	}
	role("one")
	b.write("inventory/templates/key.gpg", string(binary))
	b.write("secrets/app/key", "first\n")
	appliance, said := b.serve()

	// What an installer writes, and the operator's token in place of an install.
	ca, err := os.ReadFile(filepath.Join(b.dir, "state/ca/ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("root/etc/rackhand/agent.json", `{"appliance": "https://10.77.0.1:8443", "host": "web1"}`)
	b.write("root/etc/rackhand/ca.pem", string(ca))
	told := b.ask(0, "enrol", "web1")
	token := regexp.MustCompile(`enrol --token (\S+)`).FindStringSubmatch(told)
	if token == nil {
		t.Fatal(told)
	}
	b.run(0, b.onHost("enrol", "--token", token[1]))
	b.run(1, b.onHost("enrol", "--token", token[1])) // it works once

	var log lines
	daemon := b.onHost("daemon")
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent:\n%s\nthe appliance:\n%s", log.String(), said.String())
		}
	})
	b.until("the first run", func() bool { return b.status().Run != nil })
	if !b.has("etc/motd", "one") || !b.has("etc/key.gpg", string(binary)) || !b.has("etc/password", "first") {
		t.Fatalf("the first run: %s", b.ask(0, "report", "web1", "-v"))
	}
	b.ask(0, "converge", "web1", "--wait")

	// The operator's change, seen by a dry run first.
	role("two")
	b.until("the dry run's change", func() bool {
		out, _ := exec.CommandContext(t.Context(), program(t), "converge", "web1", "--noop", "--socket", filepath.Join(b.dir, "state.sock")).CombinedOutput()
		return strings.Contains(string(out), "file[/etc/motd]")
	})
	if !b.has("etc/motd", "one") {
		t.Error("a dry run changed the file")
	}
	b.ask(2, "converge", "web1", "--wait")
	if got := b.causes(); got != "file[/etc/motd] catalog" || !b.has("etc/motd", "two") {
		t.Errorf("the role's change is told as %q", got)
	}
	// A change by hand.
	b.write("root/etc/motd", "by hand")
	b.ask(2, "converge", "web1", "--wait")
	if got := b.causes(); got != "file[/etc/motd] drift" || !b.has("etc/motd", "two") {
		t.Errorf("the change by hand is told as %q", got)
	}
	b.write("secrets/app/key", "second\n")
	b.converged("the secret", func() bool { return b.has("etc/password", "second") })
	if got := b.causes(); got != "file[/etc/password] secret" {
		t.Errorf("the secret's change is told as %q", got)
	}

	b.run(0, b.onHost("disable", "--reason", "disks are replaced", "--until", "2h"))
	if text := b.ask(0, "status"); !strings.Contains(text, "disabled until") || !strings.Contains(text, "disks are replaced") {
		t.Errorf("disabled, the status is\n%s", text)
	}
	b.ask(1, "converge", "web1", "--wait")
	b.run(0, b.onHost("enable"))
	if text := b.ask(0, "status"); strings.Contains(text, "disabled until") {
		t.Errorf("enabled, the status is\n%s", text)
	}

	// The appliance is killed. The agent waits for the next one, which offers another agent.
	if err := appliance.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = appliance.Wait()
	next := filepath.Join(b.dir, "state/agents/next")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=next", "-o", next, "rackhand/cmd/rackhand-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	b.run(0, build)
	settings, err := os.ReadFile(filepath.Join(b.dir, "rackhand.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("rackhand.yaml", fmt.Sprintf("%sagent: {version: next}\n", settings))
	role("three")
	_, said = b.serve()
	b.converged("the upgrade", func() bool {
		return b.has("etc/motd", "three") && b.status().AgentVersion == "next"
	})
	b.ask(0, "converge", "web1", "--wait")
	if daemon.ProcessState != nil {
		t.Error("the agent ended")
	}
	if text := b.run(0, b.onHost("status")); !strings.Contains(text, "next") {
		t.Errorf("upgraded, the agent's status is\n%s", text)
	}
}
