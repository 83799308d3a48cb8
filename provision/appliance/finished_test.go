package appliance

import (
	"crypto/rand"
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/syslog"
)

// TestAsksOnce: a box that comes back after its packages were through boots its own disk,
// and the operator is asked once, however often it asks: when it has asked over TCP.
func TestAsksOnce(t *testing.T) {
	a, mac := bare(t)
	client, proved := boot.PXE, false
	ask := func(want boot.Action) {
		t.Helper()
		d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: client, Chained: proved, Proved: proved})
		if err != nil || d.Action != want {
			t.Fatalf("%s, %v; want %s", d.Action, err, want)
		}
	}
	ask(boot.InstallIt)
	in, _, err := a.journal.BeginAttempt("web1", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []provision.Event{
		{Source: "installer", Kind: "progress", Stage: provision.Packages},
		{Source: "installer", Kind: provision.KindPacked},
	} {
		if err := a.journal.Reported(in, e); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		ask(boot.Disk) // datagrams, that anybody may have sent
	}
	if in, _ := a.journal.Install("web1"); in.Doubt != "" {
		t.Errorf("the operator was asked for a datagram: %s", in.Doubt)
	}
	client, proved = boot.IPXE, true
	for range 10 {
		ask(boot.Disk)
	}
	events, err := a.journal.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, e := range events {
		if e.Kind == provision.KindQuestion {
			asked++
		}
		if e.Stage == provision.Failed {
			t.Errorf("it has failed: %+v", e)
		}
	}
	if in, _ := a.journal.Install("web1"); asked != 1 || !strings.Contains(in.Doubt, "packages were through") || !in.Armed {
		t.Errorf("asked %d times: %+v", asked, in)
	}
}

// TestMissed: an appliance that was off knows that it may have missed a report of
// Anaconda's; of a box that failed before, or that has not begun, there is none to miss.
func TestMissed(t *testing.T) {
	for _, tt := range []struct {
		name      string
		installer string
		events    []provision.Event
		want      boot.Action
	}{
		{"packages", inventory.InstallerAnaconda, []provision.Event{{Stage: provision.Packages, Kind: "progress"}}, boot.Disk},
		{"installer", inventory.InstallerAnaconda, []provision.Event{{Stage: provision.Installer, Kind: "progress"}}, boot.Disk},
		{"failed", inventory.InstallerAnaconda, []provision.Event{{Stage: provision.Packages, Kind: "progress"}, {Kind: provision.KindAttemptFailed}}, boot.InstallIt},
		{"not begun", inventory.InstallerAnaconda, nil, boot.InstallIt},
		{"an image: its guard can tell", inventory.InstallerImage, []provision.Event{{Stage: provision.Packages, Kind: "progress"}}, boot.InstallIt},
		{"out of the inventory then", "", []provision.Event{{Stage: provision.Packages, Kind: "progress"}}, boot.Disk},
	} {
		a, mac := bare(t)
		a.cfg.Install.Attempts = 3
		system := a.holder.Current().Hosts["web1"].System
		if system.Installer = tt.installer; tt.installer != "" {
			a.holder.Current().Systems = map[string]*inventory.System{system.Name: system}
		}
		ask := func() boot.Action {
			t.Helper()
			d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE})
			if err != nil {
				t.Fatal(err)
			}
			return d.Action
		}
		ask()
		in, _, err := a.journal.BeginAttempt("web1", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range tt.events {
			e.Source = "installer"
			if err := a.journal.Reported(in, e); err != nil {
				t.Fatal(err)
			}
		}
		if got := ask(); got != boot.InstallIt {
			t.Errorf("%s, before the restart: %s", tt.name, got)
		}
		if err := a.markUnheard(); err != nil {
			t.Fatal(err)
		}
		if got := ask(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// attempted is an appliance whose host web1 has begun the first of three attempts, by
// Anaconda, and the request by which the box comes back.
func attempted(t *testing.T) (*Appliance, boot.Request, provision.Install) {
	t.Helper()
	a, mac := bare(t)
	a.cfg.Install.Attempts = 3
	a.holder.Current().Hosts["web1"].System.Installer = inventory.InstallerAnaconda
	r := boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE}
	if _, err := a.decide(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	in, _, err := a.journal.BeginAttempt("web1", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a, r, in
}

// TestHeardAfterRestart: an installer that speaks after the appliance was away has missed
// nothing that matters; if it loses its power then, it is handed out again.
func TestHeardAfterRestart(t *testing.T) {
	a, r, in := attempted(t)
	for i := range 2 {
		if err := a.journal.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: provision.Packages}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := a.markUnheard(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d, err := a.decide(t.Context(), r); err != nil || d.Action != boot.InstallIt {
		t.Errorf("%s, %v", d.Action, err)
	}
}

// TestLogAnswersNothing: the installed system may log to where its installer did. What it
// says answers no question, and makes no disk overwritable.
func TestLogAnswersNothing(t *testing.T) {
	a, r, in := attempted(t)
	if err := a.journal.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: provision.Packages}); err != nil {
		t.Fatal(err)
	}
	if err := a.markUnheard(); err != nil {
		t.Fatal(err)
	}
	r.Client, r.Chained, r.Proved = boot.IPXE, true, true
	if _, err := a.decide(t.Context(), r); err != nil { // it comes back, and the operator is asked
		t.Fatal(err)
	}
	before, _ := a.journal.Install("web1")
	if before.Doubt == "" {
		t.Fatal("nobody was asked")
	}
	if err := a.packagesCame(syslog.Progress{Install: syslog.Install{Host: "web1", ID: in.ID, Attempt: 1}, N: 1, Total: 5, Package: "bash.x86_64", Connected: true}); err != nil {
		t.Fatal(err)
	}
	after, _ := a.journal.Install("web1")
	if d, err := a.decide(t.Context(), r); err != nil || d.Action != boot.Disk || after.Doubt != before.Doubt || !after.InstallerHeard.Equal(before.InstallerHeard) {
		t.Errorf("after a line of its log: %v %v, doubt %q, spoke %v", d.Action, err, after.Doubt, after.InstallerHeard)
	}
}
