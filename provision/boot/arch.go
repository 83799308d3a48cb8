package boot

import (
	"fmt"

	"rackhand/inventory"
)

// String names the architecture for people; one that has no name in IANA's
// registry is shown as its number.
func (a Arch) String() string {
	switch a {
	case ArchBIOS:
		return "x86 BIOS"
	case ArchIA32UEFI:
		return "IA32 UEFI"
	case ArchX64UEFI:
		return "x64 UEFI"
	case ArchEBC:
		return "x64 UEFI (EBC)"
	case 0x0a:
		return "ARM32 UEFI"
	case ArchARM64UEFI:
		return "ARM64 UEFI"
	case 0x0f:
		return "IA32 UEFI HTTP"
	case ArchX64HTTP:
		return "x64 UEFI HTTP"
	case 0x12:
		return "ARM32 UEFI HTTP"
	case ArchARM64HTTP:
		return "ARM64 UEFI HTTP"
	case 0x14:
		return "x86 BIOS HTTP"
	}
	number := fmt.Sprintf("0x%04x", uint16(a))
	switch {
	case a >= 0x15 && a <= 0x18:
		return "U-Boot (" + number + ")"
	case a >= 0x19 && a <= 0x1e:
		return "RISC-V (" + number + ")"
	case a >= 0x1f && a <= 0x20:
		return "s390 (" + number + ")"
	case a >= 0x25 && a <= 0x28:
		return "LoongArch (" + number + ")"
	case a == 0x29:
		return "Raspberry Pi (" + number + ")"
	}
	return "architecture " + number
}

// Processor is the processor behind an architecture, by the inventory's names; ""
// for one that no system of the inventory can run on.
func (a Arch) Processor() string {
	switch a {
	case ArchBIOS, ArchX64UEFI, ArchEBC, ArchX64HTTP:
		return inventory.ArchAMD64
	case ArchARM64UEFI, ArchARM64HTTP:
		return inventory.ArchARM64
	default:
		return ""
	}
}

// UEFI reports whether the architecture's programs are .efi files, of those that
// there is a program for.
func (a Arch) UEFI() bool { return a.Processor() != "" && a != ArchBIOS }
