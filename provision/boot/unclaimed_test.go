package boot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
)

// TestUnclaimed: a box outside the inventory waits only where its network says so, only if its
// firmware or boot program asks, and only if it has no system of its own.
func TestUnclaimed(t *testing.T) {
	waits := &inventory.Network{Name: "rack1", UnclaimedWait: 10 * time.Minute}
	proxy := &inventory.Network{Name: "rack1", UnclaimedWait: 10 * time.Minute, DHCP: inventory.DHCPProxy}
	off := &inventory.Network{Name: "rack1", UnclaimedWait: 10 * time.Minute, DHCP: inventory.DHCPOff}
	bmc := inventory.MAC{0x52, 0x54, 0, 0, 1, 1}
	snap := snapshot(inventory.FirstBoot, nil)
	snap.Hosts["web1"].BMC = &inventory.BMC{MAC: bmc}
	var whys strings.Builder
	for _, tc := range []struct {
		name    string
		mac     inventory.MAC
		known   Unclaimed
		arch    Arch
		client  Client
		action  Action
		program string
		script  bool
	}{
		{"network unknown", stranger, Unclaimed{}, ArchBIOS, PXE, Nothing, "", false},
		{"no wait there", stranger, Unclaimed{Network: &inventory.Network{}}, ArchBIOS, PXE, Nothing, "", false},
		{"proxy", stranger, Unclaimed{Network: proxy}, ArchBIOS, PXE, Nothing, "", false},
		{"off", stranger, Unclaimed{Network: off}, ArchBIOS, PXE, Nothing, "", false},
		{"a system asks", stranger, Unclaimed{Network: waits}, ArchBIOS, Other, Nothing, "", false},
		{"GRUB asks", stranger, Unclaimed{Network: waits}, ArchX64UEFI, GRUB, Nothing, "", false},
		{"a BMC", bmc, Unclaimed{Network: waits}, ArchBIOS, PXE, Nothing, "", false},
		{"arm64", stranger, Unclaimed{Network: waits}, ArchARM64UEFI, PXE, Nothing, "", false},
		{"IA32 UEFI", stranger, Unclaimed{Network: waits}, ArchIA32UEFI, PXE, Nothing, "", false},
		{"HTTP boot of a BIOS", stranger, Unclaimed{Network: waits}, ArchBIOS, HTTPBoot, Nothing, "", false},
		{"it has a system", stranger, Unclaimed{Network: waits, Ran: true}, ArchBIOS, PXE, Nothing, "", false},
		{"it has a system, iPXE", stranger, Unclaimed{Network: waits, Ran: true}, ArchBIOS, IPXE, Nothing, "", false},
		{"BIOS", stranger, Unclaimed{Network: waits}, ArchBIOS, PXE, Wait, ProgramBIOS, false},
		{"BIOS, iPXE", stranger, Unclaimed{Network: waits}, ArchBIOS, IPXE, Wait, "", true},
		{"x64", stranger, Unclaimed{Network: waits}, ArchX64UEFI, PXE, Wait, ProgramUEFI, false},
		{"x64, says 9", stranger, Unclaimed{Network: waits}, ArchEBC, PXE, Wait, ProgramUEFI, false},
		{"x64 HTTP", stranger, Unclaimed{Network: waits}, ArchX64HTTP, HTTPBoot, Wait, ProgramUEFI, false},
		{"x64, iPXE", stranger, Unclaimed{Network: waits}, ArchX64UEFI, IPXE, Wait, "", true},
		{"nearly over", stranger, Unclaimed{Network: waits, Waited: 10*time.Minute - 1}, ArchX64UEFI, IPXE, Wait, "", true},
		{"over", stranger, Unclaimed{Network: waits, Waited: 10 * time.Minute}, ArchX64UEFI, IPXE, Disk, "", false},
	} {
		d := tc.known.Decide(snap, Request{MAC: tc.mac, Arch: tc.arch, Client: tc.client})
		if d.Action != tc.action || d.Program != tc.program || d.Script != tc.script || d.Host != nil || d.Arm {
			t.Errorf("%s: %+v", tc.name, d)
		}
		fmt.Fprintf(&whys, "%s: %s\n", tc.name, d.Why)
	}
	golden(t, "unclaimed.golden", whys.String())
}
