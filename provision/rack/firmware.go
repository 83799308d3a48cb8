package rack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// A firmware is the program that runs a kind of box, and its files.
type firmware struct {
	qemu, qemuPackage string
	// code is the UEFI image and vars its variables as delivered, of which each box
	// has a copy; "" for BIOS, which is QEMU's own SeaBIOS.
	code, vars, codePackage string
	// rom is the ROM that the card runs instead of the firmware's own network stack; "" for
	// none. For a BIOS box, QEMU uses iPXE's ROM without being asked.
	rom, romPackage string
}

// firmware says which files a box needs; by Debian's names.
func (b BoxOptions) firmware() firmware {
	f := firmware{qemu: qemuAMD64, qemuPackage: "qemu-system-x86"}
	if b.Arch == ARM64 {
		f = firmware{qemu: qemuARM64, qemuPackage: "qemu-system-arm"}
	}
	switch {
	case b.Firmware != UEFI:
	case b.Arch == ARM64 && b.SecureBoot:
		f.code, f.vars, f.codePackage = "/usr/share/AAVMF/AAVMF_CODE.ms.fd", "/usr/share/AAVMF/AAVMF_VARS.ms.fd", "qemu-efi-aarch64"
	case b.Arch == ARM64:
		f.code, f.vars, f.codePackage = "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", "qemu-efi-aarch64"
	case b.SecureBoot:
		// Built to need SMM, so that no program can write the variables behind its
		// back; the variables hold Microsoft's keys.
		f.code, f.vars, f.codePackage = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "ovmf"
	default:
		f.code, f.vars, f.codePackage = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "ovmf"
	}
	if b.IPXEROM {
		f.rom, f.romPackage = "/usr/lib/ipxe/qemu/efi-virtio.rom", "ipxe-qemu"
	}
	return f
}

// requirePrograms names all that is missing at once, with the package to install.
func requirePrograms(boxes []BoxOptions) error {
	var errs []error
	asked := map[string]bool{}
	need := func(what, pkg string, look func(string) error) {
		if what == "" || asked[what] {
			return
		}
		asked[what] = true
		if err := look(what); err != nil {
			errs = append(errs, fmt.Errorf("rack: %w: install %s", err, pkg))
		}
	}
	program := func(name string) error { _, err := exec.LookPath(name); return err }
	file := func(name string) error { _, err := os.Stat(name); return err }
	for _, b := range boxes {
		f := b.firmware()
		need(f.qemu, f.qemuPackage, program)
		need(f.code, f.codePackage, file)
		need(f.vars, f.codePackage, file)
		need(f.rom, f.romPackage, file)
	}
	return errors.Join(errs...)
}
