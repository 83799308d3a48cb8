package appliance

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/journal"
)

// TestJobBoot: a box that is racked, burnt in and only then installed, by its network
// boots alone; and one that reboots in the middle of a wipe.
func TestJobBoot(t *testing.T) {
	a, mac := bare(t)
	ask := func(want boot.Action) boot.Decision {
		t.Helper()
		d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE})
		if err != nil || d.Action != want {
			t.Fatalf("%s (%s), %v; want %s", d.Action, d.Why, err, want)
		}
		return d
	}
	arm := func(job provision.Job, order provision.Order) {
		t.Helper()
		_, err := a.journal.Arm(journal.Request{
			Host: "web1", MACs: []string{mac.String()}, Job: job, Order: order, Budget: provision.Budget{Attempts: 2}, Expires: time.Hour, Source: "test", Why: "a test",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stage := func(s provision.Stage) {
		t.Helper()
		if err := a.journal.Record(provision.Event{Host: "web1", Source: "test", Kind: "test", Stage: s}); err != nil {
			t.Fatal(err)
		}
	}
	arm(provision.JobBurnin, provision.Order{Minutes: 1})
	if d := ask(boot.InstallIt); !strings.Contains(d.Why, "burn-in") {
		t.Errorf("%s", d.Why)
	}
	stage(provision.Installer)
	stage(provision.Done)
	ask(boot.InstallIt) // its first install arms itself
	if in, ok := a.journal.Install("web1"); !ok || in.ID != "web1-1" || !in.Armed {
		t.Errorf("%+v", in)
	}
	stage(provision.Installed)
	stage(provision.Serving)
	arm(provision.JobWipe, provision.Order{})
	ask(boot.InstallIt)
	stage(provision.Installer)
	for range 10 {
		if d := ask(boot.Disk); d.Program == "" { // with which it can ask for its script
			t.Errorf("%+v", d)
		}
	}
	if j, _ := a.journal.Job("web1"); j.Stage != provision.Installer {
		t.Errorf("a datagram in its name has taken its wipe to %s: %s", j.Stage, j.Reason)
	}
	if d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.IPXE, Chained: true, Proved: true}); err != nil || d.Action != boot.Disk {
		t.Fatalf("%+v, %v", d, err)
	}
	if j, _ := a.journal.Job("web1"); j.Stage != provision.Failed || !strings.Contains(j.Reason, "rebooted before its wipe had ended") {
		t.Errorf("a box that rebooted in the middle of its wipe: %s %s", j.Stage, j.Reason)
	}
	ask(boot.Disk) // and never again by itself
	if in, _ := a.journal.Install("web1"); in.ID != "web1-1" || in.Stage != provision.Serving || in.Armed {
		t.Errorf("its install: %+v", in)
	}
}
