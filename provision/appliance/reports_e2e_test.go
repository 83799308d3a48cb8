//go:build e2e

package appliance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

const exitChanged = 2 // of `rackhand-agent once`, when resources changed

// TestReports: the agent, the appliance and the operator's commands, as they are shipped. A
// file that is changed on the host is drift, one that the role changes isn't, and both are
// read with `rackhand report` and `rackhand status`.
func TestReports(t *testing.T) {
	h := newAgentHost(t, "  web2: {mac: \"52:54:00:00:00:02\", address: 10.77.0.12, install: never}\n")
	order := prepareFlood(t, h.dir)
	h.settings(order.CA)
	h.write("root/var/lib/rackhand-agent/key.pem", order.Web1)
	h.write("root/var/lib/rackhand-agent/cert.pem", order.Web1)
	h.role("one")
	h.serve()
	converge := func(want int) { t.Helper(); h.run(want, h.onHost("once")) }
	h.wantText(1, "report web1", "no agent of web1 has reported yet")
	converge(exitChanged)
	converge(0)
	if k := h.last(); k.Number != 2 || k.Status != catalog.OK || *k.Totals.Drifted != 0 || len(k.Results) != 2 {
		t.Errorf("%+v", k)
	}
	h.driftAndEdit()
	number := h.last().Number
	h.wantText(0, "report web1", "2 changed (1 drifted)", "changed  drift    file[/etc/issue]")
	if text := h.ask(0, "report", "web1", "--all"); strings.Count(text, "\n") != int(number)+1 {
		t.Error(text)
	}
	h.wantText(0, "report web1 --number 1", "changed  first")
	h.wantText(1, fmt.Sprint("report web1 --number ", number+1), "is not kept")
	h.wantStatus(number)

	// A folder in the file's place fails, and the command's status says so.
	if err := os.Remove(filepath.Join(h.root, "etc/motd")); err != nil {
		t.Fatal(err)
	}
	h.write("root/etc/motd/in", "the way")
	converge(catalog.ExitFailed)
	h.wantText(4, "report web1", "web1: failed", "failed  -      file[/etc/motd]")
}

// driftAndEdit changes one file on the host and the other in the role, and converges until
// a run finds both.
func (h agentHost) driftAndEdit() {
	h.t.Helper()
	h.role("two")
	h.until("a run that finds both", func() bool { // the appliance loads the role a moment later
		h.write("root/etc/issue", "by hand")
		h.run(exitChanged, h.onHost("once"))
		return h.causes() == "file[/etc/motd] catalog, file[/etc/issue] drift"
	})
}

// role writes the role of web1: two files, the first with a given text.
func (h agentHost) role(text string) {
	h.write("inventory/roles/plain.yaml", "resources:\n  - file: /etc/motd\n    content: "+text+"\n  - file: /etc/issue\n    content: welcome\n")
}

// wantStatus checks that `rackhand status` shows the drift of web1, and a run of no other host.
func (h agentHost) wantStatus(number uint64) {
	h.t.Helper()
	for _, s := range h.status() {
		if (s.Run != nil) != (s.Host == "web1") || s.Run != nil && (s.Run.Number != number || s.Run.HasDrifted() != 1 || s.Run.Silent || s.Run.Drifted.IsZero()) {
			h.t.Errorf("%s: %+v", s.Host, s.Run)
		}
	}
	h.wantText(0, "status", "1 drifted")
}
