//go:build e2e

package converge

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// window: while it is closed, no process of a service is replaced, and one that died is
// started; once it is open, the restart that is due is made, and only once.
func (b *booted) window(t *testing.T) {
	b.unit("win.service", "[Service]", "ExecStart=/bin/sleep infinity", "ExecReload=/bin/touch /run/win-reloaded")
	b.do("systemctl", "daemon-reload")
	pid := func() string {
		return strings.TrimSpace(b.do("systemctl", "show", "--property=MainPID", "--value", "win"))
	}
	of := func(content, refresh string) []catalog.Resource {
		r := running("win")
		r.Service.Refresh = refresh
		return []catalog.Resource{file("/etc/win.conf", content, "service[win]"), r}
	}
	b.is(t, "first", b.converge(false, of("one", catalog.Restart)...), "file[/etc/win.conf] changed", "service[win] changed started")
	before := pid()
	b.hold = "Sat 5 Dec 02:00 UTC"
	const pending = "service[win] pending restart pending until Sat 5 Dec 02:00 UTC, since file[/etc/win.conf] changed"
	b.is(t, "dry run", b.converge(true, of("two", catalog.Restart)...), "file[/etc/win.conf] changed", pending)
	b.is(t, "closed", b.converge(false, of("two", catalog.Restart)...), "file[/etc/win.conf] changed", pending)
	b.is(t, "closed still", b.converge(false, of("two", catalog.Restart)...), "file[/etc/win.conf] ok", pending)
	if pid() != before {
		t.Error("it was restarted while the window was closed")
	}
	b.hold = ""
	b.is(t, "open", b.converge(false, of("two", catalog.Restart)...), "file[/etc/win.conf] ok", "service[win] changed restarted, since file[/etc/win.conf] changed")
	after := pid()
	b.is(t, "open still", b.converge(false, of("two", catalog.Restart)...), "file[/etc/win.conf] ok", "service[win] ok")
	if after == before || pid() != after {
		t.Errorf("its process was %s, then %s, then %s", before, after, pid())
	}
	b.hold = "later"
	b.is(t, "a reload", b.converge(false, of("three", catalog.Reload)...), "file[/etc/win.conf] changed", "service[win] pending reload pending until later")
	if _, err := os.Stat(b.root.In("/run/win-reloaded")); err == nil {
		t.Error("it was reloaded")
	}
	// What is down comes up, with the new configuration: nothing is due any more.
	b.do("systemctl", "stop", "win")
	b.is(t, "it died", b.converge(false, of("three", catalog.Reload)...), "file[/etc/win.conf] ok", "service[win] changed started")
	b.is(t, "it runs", b.converge(false, of("three", catalog.Reload)...), "file[/etc/win.conf] ok", "service[win] ok")
	b.hold = ""
	b.do("systemctl", "stop", "win")
}

// control: the program itself, as an operator uses it on a host whose appliance is away.
func (b *booted) control(t *testing.T) {
	build := exec.Command("go", "build", "-o", b.root.In("/usr/local/sbin/rackhand-agent"), "rackhand/cmd/rackhand-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	agent := func(code int, args ...string) string {
		t.Helper()
		out, err := b.Run(t.Context(), nil, append([]string{"/usr/local/sbin/rackhand-agent"}, args...)...)
		if err != nil || out.Code != code {
			t.Errorf("rackhand-agent %v: exit %d, %v; want %d\n%s%s", args, out.Code, err, code, out.Stdout, out.Stderr)
		}
		return out.Stdout + out.Stderr
	}
	has := func(text string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("it lacks %q:\n%s", w, text)
			}
		}
	}
	var facts struct {
		OS      struct{ ID, Version string }
		Kernel  struct{ Release string }
		CPU     struct{ Threads int }
		Virtual string            `json:"virtualisation"`
		Problem map[string]string `json:"problems"`
	}
	if err := json.Unmarshal([]byte(agent(0, "facts")), &facts); err != nil || facts.OS.ID != "debian" || facts.OS.Version != "12" || facts.Kernel.Release == "" || facts.CPU.Threads == 0 ||
		facts.Virtual != "systemd-nspawn" || len(facts.Problem) > 0 {
		t.Errorf("facts: %+v, %v", facts, err)
	}
	b.write("/etc/rackhand/agent.json", `{"appliance": "https://127.0.0.1:1", "host": "web1"}`)
	b.write("/etc/rackhand/ca.pem", newAppliance(t, time.Now()).caPEM())
	b.write("/etc/ctl.conf", "old")
	catalogue := catalog.Catalog{Host: "web1", Version: "v1", Resources: []catalog.Resource{file("/etc/ctl.conf", "new")}}
	kept, err := json.Marshal(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	b.write("/var/lib/rackhand-agent/catalog-2.json", string(kept))
	has(agent(0, "disable", "--reason", "a new disk", "--until", "2h"), "disabled until ", "the appliance could not be notified")
	has(agent(1, "run"), "this agent is disabled until ", "because: a new disk", "rackhand-agent enable")
	has(agent(2, "once", "--noop"), "would change")
	has(agent(0, "status"), "disabled     for another 1 h", "because: a new disk", "last run     none yet", "v1, confirmed by the appliance")
	b.do("systemd-run", "--unit=agent", "/usr/local/sbin/rackhand-agent", "daemon")
	b.do("sh", "-c", "until journalctl -u agent | grep -q 'a new disk' && [ -e /run/rackhand-agent/next.json ]; do sleep 0.05; done")
	has(agent(0, "status"), "next run     in ")
	if text := b.do("cat", "/etc/ctl.conf"); text != "old" {
		t.Errorf("a disabled agent has changed a file: %q", text)
	}
	has(agent(0, "enable"), "enabled")
	b.do("systemctl", "restart", "agent")
	b.do("sh", "-c", "until grep -q new /etc/ctl.conf; do sleep 0.05; done")
	b.do("systemctl", "stop", "agent")
	has(agent(0, "once", "--noop"), "status=ok")
}
