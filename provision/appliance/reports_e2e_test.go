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

// TestReports: the agent, the appliance and the operator's commands, as they are shipped. A
// file that is changed on the host is drift, one that the role changes isn't, and both are
// read with `rackhand report` and `rackhand status`.
func TestReports(t *testing.T) {
	ns, dir := startNamespace(t, nil)
	host := space.New(t, "host")
	for _, line := range []string{
		"-n " + ns + " link set switch netns " + host,
		"-n " + ns + " addr add 10.77.0.1/24 dev eth1", "-n " + ns + " link set eth1 up",
		"-n " + host + " link set switch address 52:54:00:00:00:01 up", "-n " + host + " addr add 10.77.0.11/24 dev switch",
	} {
		sh(t, append([]string{"ip"}, strings.Fields(line)...)...)
	}
	role := func(text string) {
		file("inventory/roles/plain.yaml", "resources:\n  - file: /etc/motd\n    content: "+text+"\n  - file: /etc/issue\n    content: welcome\n")(t, ns, dir)
	}
	role("one")
	file("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\nhosts:\n"+
		"  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11, role: plain, install: never}\n  web2: {mac: \"52:54:00:00:00:02\", address: 10.77.0.12, install: never}\n  web3: {mac: \"52:54:00:00:00:03\", address: 10.77.0.13, install: never}\n")(t, ns, dir)
	order := prepareFlood(t, dir)
	root := filepath.Join(dir, "root")
	in := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in("etc/rackhand/agent.json", `{"appliance": "https://10.77.0.1:8443", "host": "web1"}`)
	in("etc/rackhand/ca.pem", order.CA)
	in("var/lib/rackhand-agent/key.pem", order.Web1)
	in("var/lib/rackhand-agent/cert.pem", order.Web1)

	var said lines
	serve := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, program(t), "serve", "--config", filepath.Join(dir, "rackhand.yaml"))
	serve.Stdout, serve.Stderr = &said, &said
	serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(said.String(), "rackhand serves"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it doesn't serve:\n%s", said.String())
		}
	}
	// Its clock is the machine's, which it must not set.
	converge := func(want int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", host, "setpriv", "--bounding-set=-sys_time", agentProgram, "once", "--root-dir", root)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Fatalf("%v, want status %d:\n%s\n%s", err, want, out, said.String())
		}
	}
	ask := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program(t), append(args, "--socket", filepath.Join(dir, "state.sock"))...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Fatalf("%v: %v, want status %d:\n%s", args, err, want, out)
		}
		return string(out)
	}
	last := func() (k reports.Kept) {
		t.Helper()
		if err := json.Unmarshal([]byte(ask(0, "report", "web1", "--json")), &k); err != nil {
			t.Fatal(err)
		}
		return k
	}
	if text := ask(1, "report", "web1"); !strings.Contains(text, "no agent of web1 has reported yet") {
		t.Error(text)
	}
	const changed = 2
	converge(changed)
	converge(0)
	if k := last(); k.Number != 2 || k.Status != catalog.OK || *k.Totals.Drifted != 0 || len(k.Results) != 2 {
		t.Errorf("%+v", k)
	}
	in("etc/issue", "by hand")
	role("two")
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) { // until the role is taken in
		converge(changed)
		k := last()
		var causes []string
		for _, x := range k.Results {
			causes = append(causes, x.ID+" "+x.Cause)
		}
		if text := strings.Join(causes, ", "); text == "file[/etc/motd] catalog, file[/etc/issue] drift" {
			break
		} else if time.Now().After(end) {
			t.Fatalf("causes: %s\n%s", text, said.String())
		}
		in("etc/issue", "by hand")
	}
	if text := ask(0, "report", "web1"); !strings.Contains(text, "2 changed (1 drifted)") || !strings.Contains(text, "changed  drift    file[/etc/issue]") {
		t.Error(text)
	}
	number := last().Number
	if text := ask(0, "report", "web1", "--all"); strings.Count(text, "\n") != int(number)+1 {
		t.Error(text)
	}
	if text := ask(0, "report", "web1", "--number", "1"); !strings.Contains(text, "changed  first") {
		t.Error(text)
	}
	if text := ask(1, "report", "web1", "--number", fmt.Sprint(number+1)); !strings.Contains(text, "is not kept") {
		t.Error(text)
	}
	var st provision.Status
	if err := json.Unmarshal([]byte(ask(0, "status", "--json")), &st); err != nil {
		t.Fatal(err)
	}
	for _, h := range st.Hosts {
		if (h.Run != nil) != (h.Host == "web1") || h.Run != nil && (h.Run.Number != number || h.Run.HasDrifted() != 1 || h.Run.Silent || h.Run.Drifted.IsZero()) {
			t.Errorf("%s: %+v", h.Host, h.Run)
		}
	}
	if text := ask(0, "status"); !strings.Contains(text, "1 drifted") {
		t.Error(text)
	}
	// A folder in the file's place fails, and the command's status says so.
	if err := os.Remove(filepath.Join(root, "etc/motd")); err != nil {
		t.Fatal(err)
	}
	in("etc/motd/in", "the way")
	converge(1)
	if text := ask(4, "report", "web1"); !strings.Contains(text, "web1: failed") || !strings.Contains(text, "failed  -      file[/etc/motd]") {
		t.Error(text)
	}
}
