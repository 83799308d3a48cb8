package boot

import "fmt"

// The boot programs by the names under which package bootfiles knows them. Both
// drive the network card through the firmware that loaded them, so they need no
// driver of their own for it.
const (
	ProgramBIOS = "undionly.kpxe" // iPXE over UNDI
	ProgramUEFI = "snponly.efi"   // iPXE over the Simple Network Protocol, x64
)

// Boots reports whether this kind of client loads what it is given: firmware and
// iPXE do; an installer's or a system's DHCP client doesn't.
func (c Client) Boots() bool { return c == PXE || c == HTTPBoot || c == IPXE }

// String names the client as events and pages show it.
func (c Client) String() string {
	switch c {
	case PXE:
		return "PXE"
	case HTTPBoot:
		return "HTTP boot"
	case IPXE:
		return "iPXE"
	default:
		return "other"
	}
}

// String names the architecture for people; one that has no name here is shown
// as its number.
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
	case ArchARM64UEFI:
		return "ARM64 UEFI"
	case ArchX64HTTP:
		return "x64 UEFI HTTP"
	case ArchARM64HTTP:
		return "ARM64 UEFI HTTP"
	default:
		return fmt.Sprintf("architecture 0x%04x", uint16(a))
	}
}

// ProgramFor is the boot program for an architecture, "" when there is none.
func ProgramFor(a Arch) string {
	switch a {
	case ArchBIOS:
		return ProgramBIOS
	case ArchX64UEFI, ArchEBC, ArchX64HTTP:
		return ProgramUEFI
	default:
		return ""
	}
}

// handOut says what this client is given so that it goes on to the installer:
// a program, its script, or neither; and in words, which.
func handOut(req Request) (program string, script bool, why string) {
	if !req.Client.Boots() {
		return "", false, "this client boots nothing, so it gets an address only"
	}
	program = ProgramFor(req.Arch)
	switch {
	case program == "":
		// iPXE too: the installers' kernels are x86-64, and would not start there.
		return "", false, fmt.Sprintf("there is no boot program for %s (option 93)", req.Arch)
	case req.Client == IPXE:
		return "", true, "iPXE gets its script"
	case req.Client == HTTPBoot && program == ProgramBIOS:
		return "", false, fmt.Sprintf("there is no boot program for HTTP boot on %s (option 93)", req.Arch)
	}
	return program, false, fmt.Sprintf("%s on %s gets %s", req.Client, req.Arch, program)
}
