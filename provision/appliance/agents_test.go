package appliance

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/agentfile"
	"rackhand/provision/journal"
	"rackhand/provision/operate"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

// TestAgentsShown: where the hosts' certificates stand, and what keeps agents from being
// upgraded or is going to end them, is in the status.
func TestAgentsShown(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	ca, err := pki.Open(t.TempDir(), netip.MustParseAddr("127.0.0.1"), st, rand.Reader, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for host, c := range map[string]pki.Cert{
		"web1": {Issued: now, Expires: now.Add(30 * 24 * time.Hour)},
		"web2": {Issued: now.Add(-25 * 24 * time.Hour), Expires: now.Add(5 * 24 * time.Hour)},
		"web3": {Issued: now.Add(-60 * 24 * time.Hour), Expires: now.Add(-30 * 24 * time.Hour)},
		"web4": {Issued: now, Expires: now.Add(30 * 24 * time.Hour), Revoked: "the operator asked for it"},
	} {
		c.Host = host
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Txn(t.Context(), nil, store.Op{Key: "cert/" + host, Value: b}); err != nil {
			t.Fatal(err)
		}
	}
	a := &Appliance{
		Deps: Deps{Clock: func() time.Time { return now }}, cfg: config.Default(), ca: ca, agents: agentfile.ByProcessor{},
		holder: &inventory.Holder{},
	}
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}
	for _, name := range []string{"web1", "web2", "web3", "web4", "web5"} {
		snap.Hosts[name] = &inventory.Host{Name: name}
	}
	j, err := journal.Open(t.Context(), st, a.Clock, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o := &operate.Operator{
		Journal: j, Authority: ca, Snapshot: func() *inventory.Snapshot { return snap },
		Problems: func() []string { return nil }, Database: func() provision.DatabaseStats { return provision.DatabaseStats{} },
		Runs: func() map[string]provision.LastRun { return nil }, Now: time.Now,
	}
	status, err := o.Status(t.Context())
	if err != nil || !status.CAExpires.Equal(ca.Expires()) {
		t.Fatal(status.CAExpires, err)
	}
	hosts := status.Hosts
	for i, want := range []string{
		"", "its certificate expires in 5 days, and its agent has not renewed it", "expired 30 days ago: its agent renews it once it asks, or `rackhand enrol web3`",
		"is revoked: `rackhand enrol web4`", "",
	} {
		if got := strings.Join(hosts[i].Notes(now), "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", hosts[i].Host, got, want)
		}
	}
	hosts[3].Install = &provision.Install{Stage: provision.Packages}
	if got := hosts[3].Notes(now); len(got) > 0 {
		t.Errorf("it is being installed: %q", got)
	}
	if hosts[4].Certificate != nil || !hosts[0].Certificate.Due.Equal(now.Add(20*24*time.Hour)) {
		t.Errorf("%+v", hosts)
	}
	if got := a.agentProblems(); len(got) > 0 {
		t.Errorf("problems: %q", got)
	}
	a.agents[inventory.ArchAMD64] = &agentfile.Programs{Problem: "there is no agent v9"}
	a.agents[inventory.ArchARM64] = &agentfile.Programs{Problem: "no host has that processor"}
	a.cfg.Agent.Canary = "canary"
	now = now.Add(19*365*24*time.Hour + time.Hour)
	if !slices.Equal(a.agentProblems(), []string{"there is no agent v9", "the certificate of this appliance's CA expires on 2046-11-25: no agent trusts it after that"}) {
		t.Errorf("problems: %q", a.agentProblems())
	}
	if !hasGroup(&inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": {Group: "canary"}}}, "canary") || hasGroup(&inventory.Snapshot{}, "canary") {
		t.Error("the canary's group")
	}
}
