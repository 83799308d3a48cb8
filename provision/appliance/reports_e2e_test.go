//go:build e2e

package appliance_test

import (
	"encoding/json"
	"fmt"
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
const agentProgram = "../../bootfiles/payload/rackhand-agent"

// An agentSite is an appliance and the root of a host with an agent, each in its own
// namespace, with a cable between them.
type agentSite struct {
	t             *testing.T
	ns, dir       string // of the appliance
	host, root    string // the host's namespace and file system
	applianceSaid lines
}

func newAgentSite(t *testing.T) *agentSite {
	t.Helper()
	s := &agentSite{t: t}
	s.ns, s.dir = startNamespace(t, nil)
	s.host, s.root = space.New(t, "host"), filepath.Join(s.dir, "root")
	for _, line := range []string{
		"-n " + s.ns + " link set switch netns " + s.host,
		"-n " + s.ns + " addr add 10.77.0.1/24 dev eth1", "-n " + s.ns + " link set eth1 up",
		"-n " + s.host + " link set switch address 52:54:00:00:00:01 up", "-n " + s.host + " addr add 10.77.0.11/24 dev switch",
	} {
		sh(t, append([]string{"ip"}, strings.Fields(line)...)...)
	}
	s.role("one")
	file("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n"+
		"  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, role: plain, install: never}\n  web2: {mac: \"52:54:00:00:00:02\", address: 10.77.0.12, install: never}\n  web3: {mac: \"52:54:00:00:00:03\", address: 10.77.0.13, install: never}\n")(t, s.ns, s.dir)
	order := prepareFlood(t, s.dir)
	s.write("etc/rackhand/agent.json", `{"appliance": "https://10.77.0.1:8443", "host": "web1"}`)
	s.write("etc/rackhand/ca.pem", order.CA)
	s.write("var/lib/rackhand-agent/key.pem", order.Web1)
	s.write("var/lib/rackhand-agent/cert.pem", order.Web1)
	return s
}

// role writes the role of web1: two files, the first with a given text.
func (s *agentSite) role(text string) {
	file("inventory/roles/plain.yaml", "resources:\n  - file: /etc/motd\n    content: "+text+"\n  - file: /etc/issue\n    content: welcome\n")(s.t, s.ns, s.dir)
}

// write writes a file of the host.
func (s *agentSite) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *agentSite) serve() {
	s.t.Helper()
	serve := exec.CommandContext(s.t.Context(), "ip", "netns", "exec", s.ns, program(s.t), "serve", "--config", filepath.Join(s.dir, "rackhand.yaml"))
	serve.Stdout, serve.Stderr = &s.applianceSaid, &s.applianceSaid
	serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := serve.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(s.applianceSaid.String(), "rackhand serves"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it doesn't serve:\n%s", s.applianceSaid.String())
		}
	}
}

// converge runs the agent once, and checks its exit status. Its clock is the machine's,
// which it must not set.
func (s *agentSite) converge(want int) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "ip", "netns", "exec", s.host, "setpriv", "--bounding-set=-sys_time", agentProgram, "once", "--root-dir", s.root)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		s.t.Fatalf("%v, want status %d:\n%s\n%s", err, want, out, s.applianceSaid.String())
	}
}

// ask runs an operator's command, and checks its exit status.
func (s *agentSite) ask(want int, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), program(s.t), append(args, "--socket", filepath.Join(s.dir, "state.sock"))...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		s.t.Fatalf("%v: %v, want status %d:\n%s", args, err, want, out)
	}
	return string(out)
}

// wantText checks that an operator's command ends with a status and prints all texts.
func (s *agentSite) wantText(status int, args string, texts ...string) {
	s.t.Helper()
	out := s.ask(status, strings.Fields(args)...)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			s.t.Errorf("rackhand %s: no %q in\n%s", args, text, out)
		}
	}
}

// last returns the last report of web1.
func (s *agentSite) last() (k reports.Kept) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.ask(0, "report", "web1", "--json")), &k); err != nil {
		s.t.Fatal(err)
	}
	return k
}

const exitChanged = 2 // of `rackhand-agent once`, when resources changed

// TestReports: the agent, the appliance and the operator's commands, as they are shipped. A
// file that is changed on the host is drift, one that the role changes isn't, and both are
// read with `rackhand report` and `rackhand status`.
func TestReports(t *testing.T) {
	s := newAgentSite(t)
	s.serve()
	s.wantText(1, "report web1", "no agent of web1 has reported yet")
	s.converge(exitChanged)
	s.converge(0)
	if k := s.last(); k.Number != 2 || k.Status != catalog.OK || *k.Totals.Drifted != 0 || len(k.Results) != 2 {
		t.Errorf("%+v", k)
	}
	s.driftAndEdit()
	number := s.last().Number
	s.wantText(0, "report web1", "2 changed (1 drifted)", "changed  drift    file[/etc/issue]")
	if text := s.ask(0, "report", "web1", "--all"); strings.Count(text, "\n") != int(number)+1 {
		t.Error(text)
	}
	s.wantText(0, "report web1 --number 1", "changed  first")
	s.wantText(1, fmt.Sprint("report web1 --number ", number+1), "is not kept")
	s.wantStatus(number)

	// A folder in the file's place fails, and the command's status says so.
	if err := os.Remove(filepath.Join(s.root, "etc/motd")); err != nil {
		t.Fatal(err)
	}
	s.write("etc/motd/in", "the way")
	s.converge(catalog.ExitFailed)
	s.wantText(4, "report web1", "web1: failed", "failed  -      file[/etc/motd]")
}

// driftAndEdit changes one file on the host and the other in the role, and converges until
// a run finds both.
func (s *agentSite) driftAndEdit() {
	s.t.Helper()
	s.role("two")
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) { // until the appliance has loaded the role
		s.write("etc/issue", "by hand")
		s.converge(exitChanged)
		k := s.last()
		var causes []string
		for _, x := range k.Results {
			causes = append(causes, x.ID+" "+x.Cause)
		}
		text := strings.Join(causes, ", ")
		if text == "file[/etc/motd] catalog, file[/etc/issue] drift" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("causes: %s\n%s", text, s.applianceSaid.String())
		}
	}
}

// wantStatus checks that `rackhand status` shows the drift of web1, and a run of no other host.
func (s *agentSite) wantStatus(number uint64) {
	s.t.Helper()
	var st provision.Status
	if err := json.Unmarshal([]byte(s.ask(0, "status", "--json")), &st); err != nil {
		s.t.Fatal(err)
	}
	for _, h := range st.Hosts {
		if (h.Run != nil) != (h.Host == "web1") || h.Run != nil && (h.Run.Number != number || h.Run.HasDrifted() != 1 || h.Run.Silent || h.Run.Drifted.IsZero()) {
			s.t.Errorf("%s: %+v", h.Host, h.Run)
		}
	}
	s.wantText(0, "status", "1 drifted")
}
