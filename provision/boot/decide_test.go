package boot

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	now      = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	mac      = inventory.MAC{0x52, 0x54, 0, 0, 0, 1}
	stranger = inventory.MAC{0x52, 0x54, 0, 0, 0, 0x99}
	every    = []Client{Other, PXE, HTTPBoot, IPXE}
)

func snapshot(policy inventory.Policy, system *inventory.System) *inventory.Snapshot {
	h := &inventory.Host{Name: "web1", MACs: []inventory.MAC{mac}, Install: policy, System: system}
	return &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": h}}
}

func armed(change func(*provision.Install)) *provision.Install {
	in := &provision.Install{
		ID: "i7", Host: "web1", Armed: true, Stage: provision.Requested,
		Budget: provision.Budget{Attempts: 3, Time: 15 * time.Minute}, Expires: now.Add(time.Hour),
		Reached: map[provision.Stage]time.Time{},
	}
	if change != nil {
		change(in)
	}
	return in
}

// boots holds the decisions for a host that may be installed, by client, on x64.
var boots = map[Client]Decision{
	Other:    {Action: InstallIt},
	PXE:      {Action: InstallIt, Program: ProgramUEFI},
	HTTPBoot: {Action: InstallIt, Program: ProgramUEFI},
	IPXE:     {Action: InstallIt, Script: true},
}

func same(d Decision) map[Client]Decision {
	return map[Client]Decision{Other: d, PXE: d, HTTPBoot: d, IPXE: d}
}

// onlyOther is for an install that is under way but not handed out: the clients
// that boot get their disk.
func onlyOther() map[Client]Decision {
	m := same(Decision{Action: Disk})
	m[Other] = Decision{Action: InstallIt}
	return m
}

// asking is for an install under way whose box may have rebooted. A boot program gets its
// script, and boots the disk once the script says so.
func asking() map[Client]Decision {
	m := map[Client]Decision{Other: {Action: InstallIt}}
	for _, c := range every[1:] {
		d := boots[c]
		d.Action, d.Asks = Disk, true
		m[c] = d
	}
	return m
}

// neverCame is a first arming that has expired.
func neverCame(change func(*provision.Install)) *provision.Install {
	return armed(func(in *provision.Install) {
		in.Armed, in.Stage, in.First = false, provision.Failed, true
		if change != nil {
			change(in)
		}
	})
}

func arming() map[Client]Decision {
	m := map[Client]Decision{Other: {Action: Disk}}
	for _, c := range every[1:] {
		d := boots[c]
		d.Arm = true
		m[c] = d
	}
	return m
}

func TestDecide(t *testing.T) {
	debian := &inventory.System{Name: "debian12"}
	cases := []struct {
		name   string
		snap   *inventory.Snapshot
		inst   *provision.Install
		mac    inventory.MAC
		nohost bool
		want   map[Client]Decision
	}{
		{name: "no inventory", mac: mac, nohost: true, want: same(Decision{Action: Nothing})},
		{name: "unclaimed", snap: snapshot(inventory.FirstBoot, debian), mac: stranger, nohost: true, want: same(Decision{Action: Nothing})},
		{name: "unclaimed, stray install", snap: snapshot(inventory.FirstBoot, debian), inst: armed(nil), mac: stranger, nohost: true, want: same(Decision{Action: Nothing})},
		{name: "no system", snap: snapshot(inventory.FirstBoot, nil), mac: mac, want: same(Decision{Action: Disk})},
		{name: "no system, armed", snap: snapshot(inventory.FirstBoot, nil), inst: armed(nil), mac: mac, want: same(Decision{Action: Disk})},
		{name: "never installed, first-boot", snap: snapshot(inventory.FirstBoot, debian), mac: mac, want: arming()},
		{name: "never installed, on-request", snap: snapshot(inventory.OnRequest, debian), mac: mac, want: same(Decision{Action: Disk})},
		{name: "never installed, no policy", snap: snapshot("", debian), mac: mac, want: same(Decision{Action: Disk})},
		{name: "armed", snap: snapshot(inventory.OnRequest, debian), inst: armed(nil), mac: mac, want: boots},
		{name: "armed, attempts left", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Attempts, i.Stage = 2, provision.Packages }), mac: mac, want: boots},
		{name: "armed, attempts spent", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Attempts, i.Stage = 3, provision.Packages }), mac: mac, want: asking()},
		{name: "packages through, no word since", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Attempts, i.Stage, i.Packed = 1, provision.Packages, true }), mac: mac, want: asking()},
		{name: "packages through, then a failure", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Attempts, i.Stage, i.Packed, i.GaveUp = 1, provision.Packages, true, true
		}), mac: mac, want: boots},
		{name: "packages through in the last attempt", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Attempts, i.Stage, i.Packed = 3, provision.Packages, true }), mac: mac, want: asking()},
		{name: "the appliance was away", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Attempts, i.Stage, i.Unheard = 1, provision.Installer, true }), mac: mac, want: asking()},
		{name: "its agent spoke", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Attempts, i.Stage, i.Doubt = 1, provision.Packages, "an agent of this host speaks"
		}), mac: mac, want: onlyOther()},
		{name: "armed, no budget", snap: snapshot(inventory.FirstBoot, debian), inst: armed(func(i *provision.Install) { i.Budget.Attempts = 0 }), mac: mac, want: asking()},
		{name: "armed, expires this instant", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Expires = now }), mac: mac, want: boots},
		{name: "armed, expired", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) { i.Expires = now.Add(-time.Second) }), mac: mac, want: asking()},
		{name: "expired on the way to the script", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Expires, i.Stage = now.Add(-time.Second), provision.Bootfile
			i.Reached[provision.Addressed] = now.Add(-time.Minute)
		}), mac: mac, want: boots},
		{name: "expired, lease came after", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Expires, i.Stage = now.Add(-time.Minute), provision.Addressed
			i.Reached[provision.Addressed] = now.Add(-time.Second)
		}), mac: mac, want: asking()},
		{name: "expired, lease is old", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Expires, i.Stage = now.Add(-time.Second), provision.Bootfile
			i.Reached[provision.Addressed] = now.Add(-time.Hour)
		}), mac: mac, want: asking()},
		{name: "expired, under way past the script", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Expires, i.Stage = now.Add(-time.Second), provision.Packages
			i.Reached[provision.Addressed] = now.Add(-time.Minute)
		}), mac: mac, want: asking()},
		{name: "expired, its lease renewed on the way", snap: snapshot(inventory.OnRequest, debian), inst: armed(func(i *provision.Install) {
			i.Expires, i.Stage, i.Booted = now.Add(-time.Second), provision.Bootfile, now.Add(-time.Minute)
			i.Reached[provision.Addressed] = now.Add(-time.Hour)
		}), mac: mac, want: boots},
		{name: "never came, first-boot", snap: snapshot(inventory.FirstBoot, debian), inst: neverCame(nil), mac: mac, want: arming()},
		{name: "never came, on-request", snap: snapshot(inventory.OnRequest, debian), inst: neverCame(nil), mac: mac, want: same(Decision{Action: Disk})},
		{name: "never came, not its first", snap: snapshot(inventory.FirstBoot, debian), inst: neverCame(func(i *provision.Install) { i.First = false }), mac: mac, want: same(Decision{Action: Disk})},
		{name: "came and failed", snap: snapshot(inventory.FirstBoot, debian), inst: neverCame(func(i *provision.Install) { i.Attempts = 1 }), mac: mac, want: same(Decision{Action: Disk})},
		{name: "cancelled before it came", snap: snapshot(inventory.FirstBoot, debian), inst: neverCame(func(i *provision.Install) { i.Stage = provision.Cancelled }), mac: mac, want: same(Decision{Action: Disk})},
		{name: "installed, disarmed", snap: snapshot(inventory.FirstBoot, debian), inst: armed(func(i *provision.Install) { i.Armed, i.Stage = false, provision.Installed }), mac: mac, want: same(Decision{Action: Disk})},
		{name: "serving", snap: snapshot(inventory.FirstBoot, debian), inst: armed(func(i *provision.Install) { i.Armed, i.Stage = false, provision.Serving }), mac: mac, want: same(Decision{Action: Disk})},
		{name: "failed never arms itself again", snap: snapshot(inventory.FirstBoot, debian), inst: armed(func(i *provision.Install) { i.Armed, i.Stage = false, provision.Failed }), mac: mac, want: same(Decision{Action: Disk})},
		{name: "cancelled but still armed", snap: snapshot(inventory.FirstBoot, debian), inst: armed(func(i *provision.Install) { i.Stage = provision.Cancelled }), mac: mac, want: same(Decision{Action: Disk})},
	}
	var whys strings.Builder
	for _, tc := range cases {
		for _, client := range every {
			got := Decide(tc.snap, tc.inst, now, Request{MAC: tc.mac, Arch: ArchX64UEFI, Client: client})
			fmt.Fprintf(&whys, "%s / %s: %s\n", tc.name, client, got.Why)
			if (got.Host == nil) != tc.nohost {
				t.Errorf("%s / %s: host %v", tc.name, client, got.Host)
			}
			got.Host, got.Why = nil, ""
			if diff := cmp.Diff(tc.want[client], got); diff != "" {
				t.Errorf("%s / %s (-want +got):\n%s", tc.name, client, diff)
			}
		}
	}
	for _, arch := range []Arch{0, 6, 7, 9, 0x0b, 0x0f, 0x10, 0x13, 0x14, 0xffff} {
		for _, client := range every {
			got := Decide(snapshot(inventory.OnRequest, debian), armed(nil), now, Request{MAC: mac, Arch: arch, Client: client})
			fmt.Fprintf(&whys, "armed 0x%02x / %s: %s\n", uint16(arch), client, got.Why)
		}
	}
	golden(t, "why.golden", whys.String())
}

// TestPrograms: the program for each firmware. A client without a program doesn't boot and
// doesn't arm.
func TestPrograms(t *testing.T) {
	x64 := map[Client]Decision{PXE: {Program: ProgramUEFI}, HTTPBoot: {Program: ProgramUEFI}, IPXE: {Script: true}, Other: {}}
	want := map[Arch]map[Client]Decision{
		ArchBIOS:      {PXE: {Program: ProgramBIOS}, HTTPBoot: {}, IPXE: {Script: true}, Other: {}},
		ArchX64UEFI:   x64,
		ArchEBC:       x64,
		ArchX64HTTP:   x64,
		ArchIA32UEFI:  same(Decision{}),
		ArchARM64UEFI: same(Decision{}), // its system is for amd64
		ArchARM64HTTP: same(Decision{}),
		0xffff:        same(Decision{}),
	}
	first := snapshot(inventory.FirstBoot, &inventory.System{Name: "debian12"})
	for arch, clients := range want {
		for client, w := range clients {
			req := Request{MAC: mac, Arch: arch, Client: client}
			got := Decide(first, armed(nil), now, req)
			if got.Action != InstallIt || got.Program != w.Program || got.Script != w.Script {
				t.Errorf("armed, %s, %s: %+v, want program %q script %v", arch, client, got, w.Program, w.Script)
			}
			boots := w.Program != "" || w.Script
			got = Decide(first, nil, now, req)
			if got.Arm != boots || (got.Action == InstallIt) != boots {
				t.Errorf("first boot, %s, %s: %+v, want arming %v", arch, client, got, boots)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// TestAnacondaSecureBoot: a kernel of Anaconda's media is trusted by the shim that comes
// with it, and by no other.
func TestAnacondaSecureBoot(t *testing.T) {
	for arch, want := range map[Arch]string{ArchX64UEFI: "media/dvd/EFI/BOOT/BOOTX64.EFI", ArchARM64UEFI: "media/dvd/EFI/BOOT/BOOTAA64.EFI"} {
		rocky := &inventory.System{Name: "rocky9", Installer: inventory.InstallerAnaconda, Release: "RHEL9", Media: "dvd", Arch: arch.Processor()}
		snap := snapshot(inventory.FirstBoot, rocky)
		snap.Hosts["web1"].Boot.SecureBoot = true
		for client, program := range map[Client]string{PXE: want, IPXE: want, GRUB: "", HTTPBoot: ""} {
			if d := Decide(snap, armed(nil), now, Request{MAC: mac, Arch: arch, Client: client}); d.Program != program || d.Script != (client == GRUB) {
				t.Errorf("%s, %s: %+v", arch, client, d)
			}
		}
		if d := Decide(snap, armed(nil), now, Request{MAC: mac, Arch: arch, Client: IPXE, Chained: true}); d.Program != "" || !d.Script {
			t.Errorf("%s, chained: %+v", arch, d)
		}
	}
}

// TestAnaconda: a system for Anaconda is handed out as any other one is.
func TestAnaconda(t *testing.T) {
	rocky := &inventory.System{Name: "rocky9", Installer: inventory.InstallerAnaconda, Release: "RHEL9", Media: "rocky.iso"}
	snap := snapshot(inventory.FirstBoot, rocky)
	for _, h := range snap.Hosts {
		d := Decide(snap, nil, time.Time{}, Request{MAC: h.MACs[0], Arch: ArchX64UEFI, Client: IPXE, Chained: true})
		if d.Action != InstallIt || !d.Arm || !d.Script {
			t.Errorf("%+v", d)
		}
	}
}
