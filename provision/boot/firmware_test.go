package boot

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/provision"
)

// A firmware is one row of the table of ways from power-on to a script.
type firmware struct {
	name   string
	arch   Arch
	client Client
	system string // processor
	boot   inventory.Boot
	// chained clients only: Request.Chained
	chained bool
}

func firmwares() []firmware {
	const amd64, arm64 = inventory.ArchAMD64, inventory.ArchARM64
	own := func(program string) inventory.Boot { return inventory.Boot{Program: program} }
	secure := inventory.Boot{SecureBoot: true}
	return []firmware{
		{name: "BIOS", arch: ArchBIOS, client: PXE, system: amd64},
		{name: "BIOS, iPXE in ROM", arch: ArchBIOS, client: IPXE, system: amd64},
		{name: "BIOS, own program", arch: ArchBIOS, client: PXE, system: amd64, boot: own("ipxe.pxe")},
		{name: "BIOS, program for UEFI", arch: ArchBIOS, client: PXE, system: amd64, boot: own("ipxe.efi")},
		{name: "BIOS, iPXE in ROM, own program", arch: ArchBIOS, client: IPXE, system: amd64, boot: own("undionly.kpxe")},
		{name: "BIOS, chained, own program", arch: ArchBIOS, client: IPXE, system: amd64, boot: own("undionly.kpxe"), chained: true},
		{name: "BIOS, iPXE in ROM, program for UEFI", arch: ArchBIOS, client: IPXE, system: amd64, boot: own("ipxe.efi")},
		{name: "BIOS, secure boot set", arch: ArchBIOS, client: PXE, system: amd64, boot: secure},
		{name: "BIOS, iPXE in ROM, secure boot set", arch: ArchBIOS, client: IPXE, system: amd64, boot: secure},
		{name: "BIOS HTTP", arch: 0x14, client: HTTPBoot, system: amd64},
		{name: "BIOS as HTTP client", arch: ArchBIOS, client: HTTPBoot, system: amd64},
		{name: "BIOS, arm64 system", arch: ArchBIOS, client: PXE, system: arm64},
		{name: "x64 PXE", arch: ArchX64UEFI, client: PXE, system: amd64},
		{name: "x64 PXE, says 9", arch: ArchEBC, client: PXE, system: amd64},
		{name: "x64 PXE, own program", arch: ArchX64UEFI, client: PXE, system: amd64, boot: own("ipxe.efi")},
		{name: "x64 PXE, program in capitals", arch: ArchX64UEFI, client: PXE, system: amd64, boot: own("IPXE.EFI")},
		{name: "x64 PXE, program for BIOS", arch: ArchX64UEFI, client: PXE, system: amd64, boot: own("undionly.kpxe")},
		{name: "x64, iPXE in ROM", arch: ArchX64UEFI, client: IPXE, system: amd64},
		{name: "x64, iPXE in ROM, own program", arch: ArchX64UEFI, client: IPXE, system: amd64, boot: own("ipxe.efi")},
		{name: "x64, chained, own program", arch: ArchX64UEFI, client: IPXE, system: amd64, boot: own("ipxe.efi"), chained: true},
		{name: "x64 HTTP", arch: ArchX64HTTP, client: HTTPBoot, system: amd64},
		{name: "x64 HTTP, own program", arch: ArchX64HTTP, client: HTTPBoot, system: amd64, boot: own("ipxe.efi")},
		{name: "x64 Secure Boot", arch: ArchX64UEFI, client: PXE, system: amd64, boot: secure},
		{name: "x64 Secure Boot, its menu", arch: ArchX64UEFI, client: GRUB, system: amd64, boot: secure},
		{name: "x64 Secure Boot, own shim", arch: ArchX64UEFI, client: PXE, system: amd64, boot: inventory.Boot{SecureBoot: true, Program: "ourshim.efi"}},
		{name: "x64 Secure Boot, program for BIOS", arch: ArchX64UEFI, client: PXE, system: amd64, boot: inventory.Boot{SecureBoot: true, Program: "undionly.kpxe"}},
		{name: "x64 Secure Boot, iPXE in ROM", arch: ArchX64UEFI, client: IPXE, system: amd64, boot: secure},
		{name: "x64 Secure Boot, chained", arch: ArchX64UEFI, client: IPXE, system: amd64, boot: secure, chained: true},
		{name: "x64 Secure Boot by HTTP", arch: ArchX64HTTP, client: HTTPBoot, system: amd64, boot: secure},
		{name: "x64 Secure Boot by HTTP, own shim", arch: ArchX64HTTP, client: HTTPBoot, system: amd64, boot: inventory.Boot{SecureBoot: true, Program: "ourshim.efi"}},
		{name: "x64, arm64 system", arch: ArchX64UEFI, client: PXE, system: arm64},
		{name: "arm64 PXE", arch: ArchARM64UEFI, client: PXE, system: arm64},
		{name: "arm64 PXE, its menu", arch: ArchARM64UEFI, client: GRUB, system: arm64},
		{name: "arm64 PXE, own program", arch: ArchARM64UEFI, client: PXE, system: arm64, boot: own("snponly-arm64.efi")},
		{name: "arm64, iPXE in ROM", arch: ArchARM64UEFI, client: IPXE, system: arm64},
		{name: "arm64, chained, own program", arch: ArchARM64UEFI, client: IPXE, system: arm64, boot: own("snponly-arm64.efi"), chained: true},
		{name: "arm64 HTTP", arch: ArchARM64HTTP, client: HTTPBoot, system: arm64},
		{name: "arm64 HTTP, own program", arch: ArchARM64HTTP, client: HTTPBoot, system: arm64, boot: own("snponly-arm64.efi")},
		{name: "arm64 Secure Boot", arch: ArchARM64UEFI, client: PXE, system: arm64, boot: secure},
		{name: "arm64 Secure Boot by HTTP", arch: ArchARM64HTTP, client: HTTPBoot, system: arm64, boot: secure},
		{name: "arm64, amd64 system", arch: ArchARM64UEFI, client: PXE, system: amd64},
		{name: "arm64, amd64 system, its menu", arch: ArchARM64UEFI, client: GRUB, system: amd64},
		{name: "IA32 UEFI", arch: ArchIA32UEFI, client: PXE, system: amd64},
		{name: "IA32 UEFI, own program", arch: ArchIA32UEFI, client: PXE, system: amd64, boot: own("bootia32.efi")},
		{name: "ARM32 UEFI", arch: 0x0a, client: PXE, system: arm64},
		{name: "U-Boot ARM64", arch: 0x16, client: PXE, system: arm64},
		{name: "RISC-V", arch: 0x1b, client: PXE, system: amd64},
		{name: "LoongArch", arch: 0x27, client: PXE, system: amd64},
		{name: "rpiboot", arch: 0x29, client: PXE, system: arm64},
		{name: "an installer's client", arch: ArchBIOS, client: Other, system: arm64},
	}
}

// TestFirmware writes out what each firmware gets in each state of its host.
func TestFirmware(t *testing.T) {
	var out strings.Builder
	for _, f := range firmwares() {
		fmt.Fprintf(&out, "%s (%s, %s)\n", f.name, f.arch, f.client)
		for _, state := range []string{"armed", "disk", "unclaimed", "first-boot"} {
			d := f.decide(state)
			gets := d.Program
			if d.Script {
				gets += "SCRIPT"
			}
			if gets == "" {
				gets = "-"
			}
			arms := ""
			if d.Arm {
				arms = " and arms"
			}
			fmt.Fprintf(&out, "  %-10s %-7s %s%s\n             %s\n", state, d.Action, gets, arms, d.Why)
		}
	}
	golden(t, "firmware.golden", out.String())
}

func (f firmware) decide(state string) Decision {
	policy, inst, who := inventory.FirstBoot, armed(nil), mac
	switch state {
	case "disk":
		inst = armed(func(i *provision.Install) { i.Armed, i.Stage = false, provision.Serving })
	case "unclaimed":
		who = stranger
	case "first-boot":
		inst = nil
	}
	snap := snapshot(policy, &inventory.System{Name: "sys", Arch: f.system})
	snap.Hosts["web1"].Boot = f.boot
	return Decide(snap, inst, now, Request{MAC: who, Arch: f.arch, Client: f.client, Chained: f.chained})
}

// TestNeverALoop: with any settings of a host, an iPXE that we loaded gets no further
// program. A client gets a program or a script, never both. Only a client that gets one of
// them arms the first install.
func TestNeverALoop(t *testing.T) {
	for _, f := range firmwares() {
		for _, state := range []string{"armed", "disk", "unclaimed", "first-boot"} {
			for _, client := range append(every, GRUB) {
				for _, chained := range []bool{false, true} {
					f.client, f.chained = client, chained
					d := f.decide(state)
					if client == IPXE && chained && d.Program != "" {
						t.Errorf("%s, %s: a chained iPXE is sent to load %s: %s", f.name, state, d.Program, d.Why)
					}
					if client == GRUB && d.Program != "" {
						t.Errorf("%s, %s: GRUB is sent to load %s", f.name, state, d.Program)
					}
					if d.Program != "" && d.Script || d.Arm && d.Program == "" && !d.Script {
						t.Errorf("%s, %s, %s: %+v", f.name, state, client, d)
					}
					if d.Action != InstallIt && (d.Program != "" || d.Script) {
						t.Errorf("%s, %s, %s: something to boot without an install: %+v", f.name, state, client, d)
					}
				}
			}
		}
	}
}
