//go:build e2e

package appliance_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/janitor/space"
	"rackhand/provision/reports"
)

// agentProgram is the agent that `make build` makes.
const agentProgram = "../../bootfiles/payload/rackhand-agent-amd64"

// An agentHost is an appliance and its host web1, each in a namespace, with the programs as
// they are shipped and a cable between them. The host's files lie below root.
type agentHost struct {
	runner
	host, root, agent string
}

// newAgentHost makes both; hosts are further lines of the inventory.
func newAgentHost(t *testing.T, hosts string) agentHost {
	t.Helper()
	ns, dir := startNamespace(t, nil)
	h := agentHost{runner{t, ns, dir}, space.New(t, "host"), filepath.Join(dir, "root"), filepath.Join(dir, "rackhand-agent")}
	for _, line := range []string{
		"-n " + ns + " link set switch netns " + h.host,
		"-n " + ns + " addr add 10.77.0.1/24 dev eth1", "-n " + ns + " link set eth1 up",
		"-n " + h.host + " link set switch address 52:54:00:00:00:01 up", "-n " + h.host + " addr add 10.77.0.11/24 dev switch",
	} {
		sh(t, append([]string{"ip"}, strings.Fields(line)...)...)
	}
	h.write("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n"+
		"  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, role: plain, install: never}\n"+hosts)
	sh(t, "cp", agentProgram, h.agent) // the agent replaces its own file
	return h
}

// settings writes what an installer writes for the agent.
func (h agentHost) settings(ca string) {
	h.write("root/etc/rackhand/agent.json", `{"appliance": "https://10.77.0.1:8443", "host": "web1"}`)
	h.write("root/etc/rackhand/ca.pem", ca)
}

// write writes a file below the folder of the appliance and the host.
func (h agentHost) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// has reports whether a file of the host holds text.
func (h agentHost) has(name, text string) bool {
	got, err := os.ReadFile(filepath.Join(h.root, name))
	return err == nil && string(got) == text
}

// operator is a command of the operator.
func (h agentHost) operator(args ...string) *exec.Cmd {
	return exec.CommandContext(h.t.Context(), program(h.t), append(args, "--socket", filepath.Join(h.dir, "state.sock"))...)
}

// onHost is a command of the agent. The clock is the machine's, which it must not set.
func (h agentHost) onHost(args ...string) *exec.Cmd {
	args = append([]string{"netns", "exec", h.host, "setpriv", "--bounding-set=-sys_time", h.agent}, args...)
	cmd := exec.CommandContext(h.t.Context(), "ip", append(args, "--root-dir", h.root)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a command, which must end with a status, and returns its output.
func (h agentHost) run(want int, cmd *exec.Cmd) string {
	h.t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		h.t.Fatalf("%v: %v, want status %d:\n%s", cmd.Args, err, want, out)
	}
	return string(out)
}

// ask runs a command of the operator, which must end with a status.
func (h agentHost) ask(want int, args ...string) string {
	h.t.Helper()
	return h.run(want, h.operator(args...))
}

// wantText checks that an operator's command ends with a status and prints all texts.
func (h agentHost) wantText(status int, args string, texts ...string) {
	h.t.Helper()
	out := h.ask(status, strings.Fields(args)...)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			h.t.Errorf("rackhand %s: no %q in\n%s", args, text, out)
		}
	}
}

// last returns the last report of the host.
func (h agentHost) last() (k reports.Kept) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.ask(0, "report", "web1", "--json")), &k); err != nil {
		h.t.Fatal(err)
	}
	return k
}

// causes are the changes of the host's last report.
func (h agentHost) causes() string {
	h.t.Helper()
	var causes []string
	for _, x := range h.last().Results {
		if x.Status == catalog.Changed {
			causes = append(causes, x.ID+" "+x.Cause)
		}
	}
	return strings.Join(causes, ", ")
}

// status is that of all hosts, by name.
func (h agentHost) status() []provision.HostStatus {
	h.t.Helper()
	var st provision.Status
	if err := json.Unmarshal([]byte(h.ask(0, "status", "--json")), &st); err != nil {
		h.t.Fatal(err)
	}
	return st.Hosts
}

// until waits for something.
func (h agentHost) until(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%s doesn't come about", what)
		}
	}
}
