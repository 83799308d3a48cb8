package boot

import (
	"fmt"
	"strings"

	"rackhand/inventory"
)

// The boot programs by the names under which package bootfiles knows them. iPXE's
// two drive the network card through the firmware that loaded them, so they need
// no driver of their own for it.
const (
	ProgramBIOS = "undionly.kpxe" // iPXE over UNDI
	ProgramUEFI = "snponly.efi"   // iPXE over the Simple Network Protocol, x64
	// ProgramARM64 is Debian's signed network GRUB: its package of iPXE has no
	// program for ARM64. GRUB goes on by TFTP alone.
	ProgramARM64 = "grubaa64.efi"
	// ProgramARM64HTTP is a GRUB with HTTP, which `rackhand bootfiles fetch arm64` makes
	// out of Debian's modules: the signed one has no HTTP.
	ProgramARM64HTTP = "grubhttpaa64.efi"
	// Shims are signed by Microsoft, and load grubx64.efi or grubaa64.efi (a name
	// that they derive from their own) from where they came from.
	ShimX64   = "shimx64.efi"
	ShimARM64 = "shimaa64.efi"
)

// ProgramFor is the usual boot program for an architecture, "" if none is known.
func ProgramFor(a Arch) string {
	switch a {
	case ArchBIOS:
		// A Raspberry Pi 5 also sends 0, by a mistake in its firmware. It can't be recognized
		// here, and doesn't start the program that it gets.
		return ProgramBIOS
	case ArchX64UEFI, ArchEBC, ArchX64HTTP:
		return ProgramUEFI
	case ArchARM64UEFI:
		return ProgramARM64
	case ArchARM64HTTP:
		return ProgramARM64HTTP
	default:
		return ""
	}
}

// A handout leads a client on to the installer. It is a program, its script, or neither,
// with a description.
type handout struct {
	program string
	script  bool
	why     string
}

// handOut returns the handout for a client of a host that may be installed.
func handOut(h *inventory.Host, req Request) handout {
	none := func(format string, args ...any) handout { return handout{why: fmt.Sprintf(format, args...)} }
	processor := req.Arch.Processor()
	switch {
	case !req.Client.Boots():
		return none("this client boots nothing, so it gets an address only")
	case processor == "":
		// iPXE too: the installers' kernels would not start there.
		return none("there is no boot program for %s (option 93)", req.Arch)
	case processor != h.System.Processor():
		return none("%s is %s (option 93), and its system %s is for %s: give it a system with `arch: %s`",
			h.Name, req.Arch, h.System.Name, h.System.Processor(), processor)
	case req.Client == GRUB:
		return handout{script: true, why: "GRUB gets its menu"}
	}
	program, remark, err := programFor(h, req)
	switch {
	case req.Client == IPXE && (req.Chained || program == "" || !special(h, program)):
		// This ends the chain: an iPXE that we loaded, of any build, never loads a program
		// again.
		return handout{script: true, why: "iPXE gets its script" + remark}
	case req.Client == IPXE:
		return handout{program: program, why: "the card's own iPXE gets " + program + " first" + remark}
	case err != nil:
		return none("%v", err)
	}
	return handout{program: program, why: fmt.Sprintf("%s on %s gets %s%s", req.Client, req.Arch, program, remark)}
}

// special reports whether the host is to go through a program of its own rather
// than the usual one.
func special(h *inventory.Host, program string) bool {
	return program == h.Boot.Program || program == ShimX64 || program == ShimARM64 || strings.HasPrefix(program, mediaFolder)
}

// programFor is the program for a host's firmware: its own, the shim for Secure
// Boot, or the usual one. remark begins with a colon when the host's settings
// could not be followed.
func programFor(h *inventory.Host, req Request) (program, remark string, err error) {
	http := req.Client == HTTPBoot
	if http && !req.Arch.UEFI() {
		return "", "", fmt.Errorf("there is no boot program for HTTP boot on %s (option 93)", req.Arch)
	}
	if own := h.Boot.Program; own != "" {
		if isEFI(own) == req.Arch.UEFI() {
			return own, "", nil
		}
		remark = fmt.Sprintf(": boot.program %s is not for %s", own, req.Arch)
	}
	if h.Boot.SecureBoot && req.Arch.UEFI() {
		if http {
			return "", "", fmt.Errorf("%s has secure_boot, and the signed GRUB can't go on after HTTP boot: set its firmware to PXE", h.Name)
		}
		if h.System.Installer == inventory.InstallerAnaconda {
			return mediaShim(h.System), remark, nil
		}
		if req.Arch.Processor() == inventory.ArchARM64 {
			return ShimARM64, remark, nil
		}
		return ShimX64, remark, nil
	}
	if http && req.Arch == ArchARM64UEFI {
		return ProgramARM64HTTP, remark, nil // an HTTP client that names its PXE number
	}
	return ProgramFor(req.Arch), remark, nil
}

// mediaFolder is where the files of media are, by TFTP.
const mediaFolder = "media/"

// mediaShim is the shim of Anaconda's media: their kernel is signed by the distribution,
// and its own shim alone trusts that. It loads the GRUB beside it.
func mediaShim(s *inventory.System) string {
	name := "BOOTX64.EFI"
	if s.Processor() == inventory.ArchARM64 {
		name = "BOOTAA64.EFI"
	}
	return mediaFolder + s.Media + "/EFI/BOOT/" + name
}

// isEFI recognizes UEFI programs by their names, because the operator gives only names.
func isEFI(program string) bool { return strings.HasSuffix(strings.ToLower(program), ".efi") }
