package appliance

import (
	"testing"

	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/syslog"
)

// TestPackagesCame: what syslog says of packages moves an install on, and only as far
// as who says it can be believed.
func TestPackagesCame(t *testing.T) {
	a, mac := bare(t)
	if _, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchBIOS, Client: boot.PXE}); err != nil {
		t.Fatal(err)
	}
	in, _ := a.journal.Install("web1")
	say := func(attempt int, connected bool) error {
		return a.packagesCame(syslog.Progress{Install: syslog.Install{Host: "web1", ID: in.ID, Attempt: attempt}, N: 3, Total: 9, Package: "x.noarch", Connected: connected})
	}
	stage := func(want provision.Stage, progress string) {
		t.Helper()
		if in, _ := a.journal.Install("web1"); in.Stage != want || in.Progress != progress {
			t.Errorf("it is at %s, %q; want %s, %q", in.Stage, in.Progress, want, progress)
		}
	}
	move := func(s provision.Stage) {
		t.Helper()
		if err := a.journal.Record(provision.Event{Host: "web1", Source: "http", Kind: "x", Stage: s}); err != nil {
			t.Fatal(err)
		}
	}
	if err := say(0, true); err == nil {
		t.Error("packages before there was a script")
	}
	move(provision.Kernel)
	if err := say(0, false); err == nil {
		t.Error("a datagram begins a stage")
	}
	if err := say(7, true); err == nil {
		t.Error("another attempt's packages")
	}
	stage(provision.Kernel, "")
	if err := say(0, true); err != nil {
		t.Error(err)
	}
	stage(provision.Packages, "")
	if err := say(0, false); err != nil { // by UDP, in a stage that was reported
		t.Error(err)
	}
	stage(provision.Packages, "3 of 9 packages")
	// Only who has the address says that all are there.
	for _, connected := range []bool{false, true, true} {
		p := syslog.Progress{Install: syslog.Install{Host: "web1", ID: in.ID}, N: 9, Total: 9, Complete: true, Connected: connected}
		if err := a.packagesCame(p); err != nil {
			t.Error(err)
		}
		if in, _ := a.journal.Install("web1"); in.Packed != connected {
			t.Errorf("connected %v: %v", connected, in.Packed)
		}
	}
	move(provision.Installed)
	if err := say(0, true); err == nil {
		t.Error("packages after the system was installed")
	}
	stage(provision.Installed, "")
}
