package appliance

import (
	"crypto/rand"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/syslog"
)

// TestForgedDiscovers: DISCOVERs in the name of a box, of every kind of client, leave an
// install in its last attempt as it is; the box itself, which asks over TCP, ends it.
func TestForgedDiscovers(t *testing.T) {
	for _, stage := range []provision.Stage{"", provision.Installer, provision.Packages} {
		a, mac := bare(t)
		ask := func(client boot.Client, proved bool) boot.Decision {
			t.Helper()
			d, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchX64UEFI, Client: client, Chained: client == boot.IPXE, Proved: proved})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		ask(boot.PXE, false)
		in, _, err := a.journal.BeginAttempt("web1", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if stage != "" {
			if err := a.journal.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: stage}); err != nil {
				t.Fatal(err)
			}
		}
		before, _ := a.journal.Install("web1")
		for _, client := range []boot.Client{boot.Other, boot.PXE, boot.HTTPBoot, boot.IPXE, boot.GRUB} {
			if d := ask(client, false); client.Boots() && (d.Action != boot.Disk || d.Program == "" && !d.Script) {
				t.Errorf("%s at %q: %+v", client, stage, d)
			}
		}
		if after, _ := a.journal.Install("web1"); after.Stage != before.Stage || after.Token != before.Token || after.Attempts != before.Attempts || after.Doubt != "" {
			t.Errorf("at %q: %+v", stage, after)
		}
		if d := ask(boot.IPXE, true); d.Action != boot.Disk {
			t.Errorf("%+v", d)
		}
		if after, _ := a.journal.Install("web1"); after.Stage != provision.Failed {
			t.Errorf("the box itself, at %q: %+v", stage, after)
		}
	}
}

// TestArmingComesBack: a forged DISCOVER arms an absent host, and that expires; its next
// network boot arms it again, but not once anything has come over TCP, or the operator has
// said no. A script that is asked for arms nothing.
func TestArmingComesBack(t *testing.T) {
	expire := provision.Event{Host: "web1", Source: "appliance", Kind: "expired", Stage: provision.Failed}
	for _, tt := range []struct {
		name   string
		before func(*Appliance) error
		again  bool
	}{
		{"nothing came", func(a *Appliance) error { return nil }, true},
		{"a script by TFTP", func(a *Appliance) error { _, _, err := a.journal.Offer("web1", rand.Reader); return err }, true},
		{"a script over TCP", func(a *Appliance) error { _, _, err := a.journal.BeginAttempt("web1", rand.Reader); return err }, false},
		{"the operator has cancelled it", func(a *Appliance) error {
			return a.journal.Record(provision.Event{Host: "web1", Source: "operator", Kind: "cancelled", Stage: provision.Cancelled})
		}, false},
	} {
		a, mac := bare(t)
		r := boot.Request{MAC: mac, Arch: boot.ArchX64UEFI, Client: boot.PXE}
		for range 3 {
			if d, err := a.decide(t.Context(), r); err != nil || d.Action != boot.InstallIt {
				t.Fatalf("%s: %+v, %v", tt.name, d, err)
			}
			if err := tt.before(a); err != nil {
				t.Fatal(err)
			}
			if err := a.journal.Record(expire); err != nil {
				t.Fatal(err)
			}
			if !tt.again {
				break
			}
		}
		d, err := a.decide(t.Context(), r)
		if err != nil || (d.Action == boot.InstallIt) != tt.again {
			t.Errorf("%s: %+v, %v", tt.name, d, err)
		}
	}
}

// TestPowerStaysWanted: a datagram that says that the box is on does not keep it from being
// powered on; that its script came over TCP does.
func TestPowerStaysWanted(t *testing.T) {
	in := provision.Install{Stage: provision.Requested, Armed: true, Power: provision.PowerWanted, Expires: time.Unix(100, 0)}
	for _, stage := range []provision.Stage{provision.Addressed, provision.Bootfile, provision.Script, provision.Kernel} {
		in = in.Advance(provision.Event{Source: "dhcp", Kind: "ack", Stage: stage, Counted: time.Unix(1, 0)})
		if do := provision.Next(in, time.Unix(2, 0)); len(do) != 1 || do[0] != provision.DoPowerOn {
			t.Errorf("at %s: %v", stage, do)
		}
	}
	if do := provision.Next(in.Attempt("h", time.Unix(2, 0), time.Unix(2, 0)), time.Unix(2, 0)); len(do) != 0 {
		t.Errorf("%v", do)
	}
}

// TestForgedSyslog: a datagram of a log tells how far the packages are once the installer
// has begun with them, and begins nothing.
func TestForgedSyslog(t *testing.T) {
	a, _, in := attempted(t)
	say := func(connected bool) error {
		return a.packagesCame(syslog.Progress{Install: syslog.Install{Host: "web1", ID: in.ID, Attempt: 1}, N: 1, Total: 5, Package: "bash.x86_64", Connected: connected})
	}
	if err := a.journal.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: provision.Installer}); err != nil {
		t.Fatal(err)
	}
	if err := say(false); err == nil {
		t.Error("a datagram was believed")
	}
	if now, _ := a.journal.Install("web1"); now.Stage != provision.Installer {
		t.Errorf("it is at %s", now.Stage)
	}
	if err := say(true); err != nil {
		t.Error(err)
	}
	if err := say(false); err != nil {
		t.Error(err)
	}
	if now, _ := a.journal.Install("web1"); now.Stage != provision.Packages {
		t.Errorf("it is at %s", now.Stage)
	}
}

// TestForgedFirmware: which firmware a box has, and so how its BMC is told to boot it, is
// what DHCP saw before the box came over TCP; later datagrams change it no more.
func TestForgedFirmware(t *testing.T) {
	a, mac := bare(t)
	ack := func(arch string) bool {
		t.Helper()
		if err := a.journal.Record(provision.Event{Host: "web1", Source: "dhcp", Kind: "ack", Fields: map[string]string{"arch": arch}}); err != nil {
			t.Fatal(err)
		}
		return a.journal.Hosts()["web1"].EFI
	}
	if _, err := a.decide(t.Context(), boot.Request{MAC: mac, Arch: boot.ArchX64UEFI, Client: boot.PXE}); err != nil {
		t.Fatal(err)
	}
	if ack("BIOS") || !ack("x64 UEFI") {
		t.Error("before anything came, the latest counts")
	}
	if _, _, err := a.journal.BeginAttempt("web1", rand.Reader); err != nil {
		t.Fatal(err)
	}
	if !ack("BIOS") {
		t.Error("a datagram has changed it")
	}
}
