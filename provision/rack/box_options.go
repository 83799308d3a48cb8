package rack

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
)

// macs are those of all its cards.
func (b BoxOptions) macs() []net.HardwareAddr {
	return append([]net.HardwareAddr{b.MAC}, b.MoreNICs...)
}

// withDefaults fills in the options that were left out and refuses those that can't work.
// subnet holds the appliance's address and the BMCs.
func (b BoxOptions) withDefaults(subnet netip.Prefix) (BoxOptions, error) {
	if !boxName.MatchString(b.Name) {
		return b, errors.New("the name must be 1 to 63 letters, digits and hyphens")
	}
	for _, mac := range b.macs() {
		if len(mac) != 6 || mac[0]&1 != 0 {
			return b, fmt.Errorf("MAC %q: want six bytes, not a multicast address", mac)
		}
	}
	b.Firmware = cmp.Or(b.Firmware, BIOS)
	b.Arch = cmp.Or(b.Arch, AMD64)
	b.DefaultBoot = cmp.Or(b.DefaultBoot, BootPXE)
	b.Processors = cmp.Or(b.Processors, 2)
	b.MemoryMB = cmp.Or(b.MemoryMB, 1024)
	b.DiskGB = cmp.Or(b.DiskGB, 4)
	b.DiskBus = cmp.Or(b.DiskBus, VirtIO)
	if a := b.BMCAddress; a != (netip.AddrPort{}) && a.Port() == 0 {
		b.BMCAddress = netip.AddrPortFrom(a.Addr(), rmcpPort)
	}
	for _, check := range []func() error{b.checkBoot, b.checkHardware, b.checkDisks, func() error { return b.checkBMC(subnet) }} {
		if err := check(); err != nil {
			return b, err
		}
	}
	return b, nil
}

// checkBoot checks the firmware and the ways to boot.
func (b BoxOptions) checkBoot() error {
	switch {
	case b.Firmware != BIOS && b.Firmware != UEFI:
		return fmt.Errorf("firmware %q: want %q or %q", b.Firmware, BIOS, UEFI)
	case b.Arch != AMD64 && b.Arch != ARM64:
		return fmt.Errorf("processor %q: want %q or %q", b.Arch, AMD64, ARM64)
	case b.Firmware != UEFI && (b.HTTPBoot || b.SecureBoot || b.IPXEROM || b.Arch == ARM64):
		return errors.New("HTTPBoot, SecureBoot, IPXEROM and arm64 need UEFI firmware")
	case b.IPXEROM && (b.SecureBoot || b.HTTPBoot || b.Arch == ARM64):
		return errors.New("IPXEROM is for an amd64 box without SecureBoot and HTTPBoot: that ROM isn't signed, and boots without the firmware")
	case b.DefaultBoot != BootPXE && b.DefaultBoot != BootDisk:
		return fmt.Errorf("default boot %q: want %q or %q", b.DefaultBoot, BootPXE, BootDisk)
	}
	return nil
}

// checkHardware checks the sizes and the number of cards.
func (b BoxOptions) checkHardware() error {
	switch {
	case b.Processors < 1 || b.Processors > maxProcessors:
		return fmt.Errorf("%d processors: want 1 to %d", b.Processors, maxProcessors)
	case b.MemoryMB < 64 || b.DiskGB < 1:
		return fmt.Errorf("%d MB of memory and %d GB of disk: want at least 64 MB and 1 GB", b.MemoryMB, b.DiskGB)
	case 1+len(b.MoreDisks) > maxDisks || 1+len(b.MoreNICs) > maxNICs:
		return fmt.Errorf("%d disks and %d cards: at most %d and %d", 1+len(b.MoreDisks), 1+len(b.MoreNICs), maxDisks, maxNICs)
	}
	return nil
}

// checkDisks checks the disks' bus, the sizes of further disks, and the image.
func (b BoxOptions) checkDisks() error {
	switch {
	case b.DiskBus != VirtIO && b.DiskBus != NVMe && b.DiskBus != SATA:
		return fmt.Errorf("disk bus %q: want %q, %q or %q", b.DiskBus, VirtIO, NVMe, SATA)
	case b.Arch == ARM64 && b.DiskBus == SATA:
		return errors.New("an arm64 box has no SATA controller")
	case b.DiskImage != "" && !filepath.IsAbs(b.DiskImage):
		return fmt.Errorf("disk image %q: give an absolute path", b.DiskImage)
	}
	for _, gb := range b.MoreDisks {
		if gb < 1 {
			return fmt.Errorf("a further disk of %d GB: want at least 1 GB", gb)
		}
	}
	return nil
}

// checkBMC checks the address, user and password of the BMC, if the box has one.
func (b BoxOptions) checkBMC(subnet netip.Prefix) error {
	if b.BMCAddress == (netip.AddrPort{}) {
		return nil
	}
	if a := b.BMCAddress.Addr(); !subnet.Contains(a) || a == subnet.Addr() {
		return fmt.Errorf("BMC address %s: want one in %s that isn't the appliance's", a, subnet.Masked())
	}
	if b.BMCUser == "" || len(b.BMCUser) > maxBMCUser || len(b.BMCPassword) > maxBMCPassword {
		return fmt.Errorf("BMC user and password: want a user of 1 to %d bytes and a password of at most %d", maxBMCUser, maxBMCPassword)
	}
	return nil
}
