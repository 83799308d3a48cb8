//go:build e2e

package appliance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// converged has the host's agent make runs until done; an edit is taken in a moment later.
func (h agentHost) converged(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		out, _ := h.operator("converge", "web1", "--wait").CombinedOutput()
		if done() {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s doesn't come about:\n%s\n%s", what, out, h.ask(0, "report", "web1", "-v"))
		}
	}
}

// TestAgentsLife goes through the life of an agent with the programs as they are shipped:
// it enrols, sends facts and gets what they make, converges by order, tells drift from the operator's change, writes binary files
// and secrets, is disabled, outlives the appliance, and upgrades itself.
func TestAgentsLife(t *testing.T) {
	t.Parallel() // it mostly waits: an agent asks for orders again 10 to 30 s after the appliance was killed
	h := newAgentHost(t, "")
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	role := func(motd string) {
		h.write("inventory/roles/plain.yaml", "resources:\n  - {file: /etc, ensure: directory}\n  - {file: /etc/motd, content: "+motd+"}\n"+
			"  - {file: /etc/key.gpg, source: key.gpg}\n  - {file: /etc/password, content: '${secret.app/key}'}\n"+
			"  - {file: /etc/site, content: '${facts.custom.site.room} ${facts.boot_mode}', when: facts.cpu.threads > 0}\n")
	}
	role("one")
	h.write("inventory/templates/key.gpg", string(binary))
	h.write("secrets/app/key", "first\n")
	h.write("root/etc/rackhand/facts.d/site.sh", "#!/bin/sh\necho '{\"room\": 4}'\n")
	h.write("root/sys/firmware/none", "")
	h.write("root/proc/cpuinfo", "processor: 0\n")
	if err := os.Chmod(filepath.Join(h.root, "etc/rackhand/facts.d/site.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	appliance, said := h.serve()

	// The operator's token in place of an install.
	ca, err := os.ReadFile(filepath.Join(h.dir, "state/ca/ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	h.settings(string(ca))
	told := h.ask(0, "enrol", "web1")
	token := regexp.MustCompile(`enrol --token (\S+)`).FindStringSubmatch(told)
	if token == nil {
		t.Fatal(told)
	}
	h.run(0, h.onHost("enrol", "--token", token[1]))
	h.run(1, h.onHost("enrol", "--token", token[1])) // it works once

	var log lines
	daemon := h.onHost("daemon")
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent:\n%s\nthe appliance:\n%s", log.String(), said.String())
		}
	})
	h.until("the first run", func() bool { return h.status()[0].Run != nil })
	if !h.has("etc/motd", "one") || !h.has("etc/key.gpg", string(binary)) || !h.has("etc/password", "first") {
		t.Fatalf("the first run: %s", h.ask(0, "report", "web1", "-v"))
	}
	if !h.has("etc/site", "4 bios") {
		t.Errorf("the file that facts make: %s", h.ask(0, "report", "web1", "-v"))
	}
	h.wantText(0, "facts web1 --json", `"room": 4`, `"boot_mode": "bios"`)
	render := exec.CommandContext(t.Context(), program(t), "render", "web1", "catalog", "--config", filepath.Join(h.dir, "rackhand.yaml"), "--inventory", filepath.Join(h.dir, "inventory"))
	if text := h.run(0, render); !strings.Contains(text, `"content": "4 bios"`) {
		t.Errorf("rendered with the facts that are kept:\n%s", text)
	}
	h.ask(0, "converge", "web1", "--wait")

	// The operator's change, seen by a dry run first.
	role("two")
	h.until("the dry run's change", func() bool {
		out, _ := h.operator("converge", "web1", "--noop").CombinedOutput()
		return strings.Contains(string(out), "file[/etc/motd]")
	})
	if !h.has("etc/motd", "one") {
		t.Error("a dry run changed the file")
	}
	h.ask(2, "converge", "web1", "--wait")
	if got := h.causes(); got != "file[/etc/motd] catalog" || !h.has("etc/motd", "two") {
		t.Errorf("the role's change has the causes %q", got)
	}
	// A change by hand.
	h.write("root/etc/motd", "by hand")
	h.ask(2, "converge", "web1", "--wait")
	if got := h.causes(); got != "file[/etc/motd] drift" || !h.has("etc/motd", "two") {
		t.Errorf("the change by hand has the causes %q", got)
	}
	h.write("secrets/app/key", "second\n")
	h.converged("the secret", func() bool { return h.has("etc/password", "second") })
	if got := h.causes(); got != "file[/etc/password] secret" {
		t.Errorf("the secret's change has the causes %q", got)
	}

	h.run(0, h.onHost("disable", "--reason", "disks are replaced", "--until", "2h"))
	if text := h.ask(0, "status"); !strings.Contains(text, "disabled until") || !strings.Contains(text, "disks are replaced") {
		t.Errorf("disabled, the status is\n%s", text)
	}
	h.ask(1, "converge", "web1", "--wait")
	h.run(0, h.onHost("enable"))
	if text := h.ask(0, "status"); strings.Contains(text, "disabled until") {
		t.Errorf("enabled, the status is\n%s", text)
	}

	// The appliance is killed. The agent waits for the next one, which offers another agent.
	if err := appliance.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = appliance.Wait()
	next := filepath.Join(h.dir, "state/agents/next")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=next", "-o", next, "rackhand/cmd/rackhand-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	h.run(0, build)
	settings, err := os.ReadFile(filepath.Join(h.dir, "rackhand.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("rackhand.yaml", fmt.Sprintf("%sagent: {version: next}\n", settings))
	role("three")
	_, said = h.serve()
	h.converged("the upgrade", func() bool {
		return h.has("etc/motd", "three") && h.status()[0].AgentVersion == "next"
	})
	h.ask(0, "converge", "web1", "--wait")
	if daemon.ProcessState != nil {
		t.Error("the agent ended")
	}
	if text := h.run(0, h.onHost("status")); !strings.Contains(text, "next") {
		t.Errorf("upgraded, the agent's status is\n%s", text)
	}
}
