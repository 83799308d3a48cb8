package rack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"time"
)

// Options say what stands in a virtual rack.
type Options struct {
	// Dir is where the rack makes a folder of its own for disks and firmware
	// variables; it is removed with the rack. Empty: the system's folder for
	// temporary files.
	Dir string
	// LogDir keeps the serial and QEMU logs of the boxes after the rack is gone.
	// Empty: they lie in the rack's own folder and go with it.
	LogDir string
	Log    *slog.Logger     // required
	Clock  func() time.Time // time.Now when nil; a boot flag expires by it
	Rand   io.Reader        // crypto/rand when nil; unique names come from it

	// Appliance is the address of the appliance's eth0 with its subnet:
	// 10.77.0.1/24 unless given.
	Appliance netip.Prefix
	Boxes     []BoxOptions
	// Accelerator is "kvm" or "tcg"; empty: kvm if a probe guest boots with it.
	Accelerator string
}

// BoxOptions describe one box as it comes out of its carton.
type BoxOptions struct {
	Name        string           // letters, digits and hyphens; unique
	MAC         net.HardwareAddr // unique
	BMCAddress  netip.AddrPort   // in the rack's subnet; port 623 when 0; no BMC when invalid
	BMCUser     string           // at most 16 bytes
	BMCPassword string           // at most 20 bytes
	Firmware    string           // BIOS or UEFI; BIOS when empty
	Arch        string           // AMD64 or ARM64; AMD64 when empty
	Processors  int              // 2 when 0; an emulated one takes one of this machine's
	// Clock is what the hardware clock is off by when the box comes out of its carton;
	// below 0 it is behind. It goes on as the guests set it.
	Clock    time.Duration
	MemoryMB int // 1024 when 0
	DiskGB   int // 4 when 0; the disk is blank and sparse
	// DiskImage is an existing raw image that is used, and written to, instead
	// of a blank disk. It isn't removed.
	DiskImage string
	// MoreDisks are the sizes, in GB, of further blank disks.
	MoreDisks []int
	// DiskBus is what all its disks hang on: VirtIO (when empty), NVMe or SATA.
	DiskBus string
	// MoreNICs are the MACs of further cards on the same network. The first card,
	// that with MAC, is the one that boots.
	MoreNICs []net.HardwareAddr
	// DefaultBoot is what the box boots when no override is set: BootPXE
	// (network, then disk; the default) or BootDisk (disk, then network).
	DefaultBoot string
	// HTTPBoot makes UEFI firmware skip PXE and go straight to HTTP Boot.
	HTTPBoot bool
	// SecureBoot makes UEFI firmware start nothing but what Microsoft's keys, or
	// those of a program that they signed, vouch for.
	SecureBoot bool
	// IPXEROM gives the card of an amd64 UEFI box iPXE as its ROM. A BIOS box has
	// it always.
	IPXEROM bool
}

// The firmwares, processors and boot devices of a box.
const (
	BIOS = "bios"
	UEFI = "uefi"

	AMD64 = "amd64"
	ARM64 = "arm64"

	BootPXE  = "pxe"
	BootDisk = "disk"

	VirtIO = "virtio"
	NVMe   = "nvme"
	SATA   = "sata"
)

const (
	rmcpPort       = 623 // IPMI 2.0 §13.1.2: primary RMCP port
	maxBMCUser     = 16  // IPMI 2.0 §22.28
	maxBMCPassword = 20  // IPMI 2.0 §22.30
	maxBoxes       = 64
	maxDisks       = 6 // what q35's SATA controller has ports for
	maxNICs        = 4
	maxProcessors  = 64
)

// boxName keeps names fit for file names, host names and QEMU's -name, where a
// comma would start another option.
var boxName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,62}$`)

// withDefaults fills in what was left out and refuses what can't work.
func (o Options) withDefaults() (Options, error) {
	if o.Log == nil {
		return o, errors.New("rack: Options.Log is nil: pass a logger")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if !o.Appliance.IsValid() {
		o.Appliance = netip.MustParsePrefix("10.77.0.1/24")
	}
	if !o.Appliance.Addr().Is4() || o.Appliance.Bits() > 30 {
		return o, fmt.Errorf("rack: appliance address %s: want an IPv4 address with a subnet of /30 or wider", o.Appliance)
	}
	if o.Accelerator != "" && o.Accelerator != accelKVM && o.Accelerator != accelTCG {
		return o, fmt.Errorf("rack: accelerator %q: want %q, %q or nothing", o.Accelerator, accelKVM, accelTCG)
	}
	if len(o.Boxes) > maxBoxes {
		return o, fmt.Errorf("rack: %d boxes: at most %d", len(o.Boxes), maxBoxes)
	}
	boxes := make([]BoxOptions, len(o.Boxes))
	names, macs, bmcs := map[string]bool{}, map[string]bool{}, map[netip.AddrPort]bool{}
	for i, b := range o.Boxes {
		b, err := b.withDefaults(o.Appliance)
		if err != nil {
			return o, fmt.Errorf("rack: box %d (%q): %w", i+1, b.Name, err)
		}
		taken := names[b.Name] || bmcs[b.BMCAddress]
		for _, mac := range b.macs() {
			taken = taken || macs[mac.String()]
			macs[mac.String()] = true
		}
		if taken {
			return o, fmt.Errorf("rack: box %d (%q): its name, MAC or BMC address belongs to another box already", i+1, b.Name)
		}
		names[b.Name] = true
		if b.BMCAddress.IsValid() {
			bmcs[b.BMCAddress] = true
		}
		boxes[i] = b
	}
	o.Boxes = boxes
	return o, nil
}

// macs are those of all its cards.
func (b BoxOptions) macs() []net.HardwareAddr {
	return append([]net.HardwareAddr{b.MAC}, b.MoreNICs...)
}

func (b BoxOptions) withDefaults(subnet netip.Prefix) (BoxOptions, error) {
	if !boxName.MatchString(b.Name) {
		return b, errors.New("the name must be 1 to 63 letters, digits and hyphens")
	}
	for _, mac := range b.macs() {
		if len(mac) != 6 || mac[0]&1 != 0 {
			return b, fmt.Errorf("MAC %q: want six bytes, not a multicast address", mac)
		}
	}
	if b.Firmware == "" {
		b.Firmware = BIOS
	}
	if b.Firmware != BIOS && b.Firmware != UEFI {
		return b, fmt.Errorf("firmware %q: want %q or %q", b.Firmware, BIOS, UEFI)
	}
	if b.Arch == "" {
		b.Arch = AMD64
	}
	switch {
	case b.Arch != AMD64 && b.Arch != ARM64:
		return b, fmt.Errorf("processor %q: want %q or %q", b.Arch, AMD64, ARM64)
	case b.Firmware != UEFI && (b.HTTPBoot || b.SecureBoot || b.IPXEROM || b.Arch == ARM64):
		return b, errors.New("HTTPBoot, SecureBoot, IPXEROM and arm64 need UEFI firmware")
	case b.IPXEROM && (b.SecureBoot || b.HTTPBoot || b.Arch == ARM64):
		return b, errors.New("IPXEROM is for an amd64 box without SecureBoot and HTTPBoot: that ROM isn't signed, and boots by itself")
	}
	if b.DefaultBoot == "" {
		b.DefaultBoot = BootPXE
	}
	if b.DefaultBoot != BootPXE && b.DefaultBoot != BootDisk {
		return b, fmt.Errorf("default boot %q: want %q or %q", b.DefaultBoot, BootPXE, BootDisk)
	}
	if b.Processors == 0 {
		b.Processors = 2
	}
	if b.MemoryMB == 0 {
		b.MemoryMB = 1024
	}
	if b.DiskGB == 0 {
		b.DiskGB = 4
	}
	if b.Processors < 1 || b.Processors > maxProcessors {
		return b, fmt.Errorf("%d processors: want 1 to %d", b.Processors, maxProcessors)
	}
	if b.MemoryMB < 64 || b.DiskGB < 1 {
		return b, fmt.Errorf("%d MB of memory and %d GB of disk: want at least 64 MB and 1 GB", b.MemoryMB, b.DiskGB)
	}
	if b.DiskBus == "" {
		b.DiskBus = VirtIO
	}
	if b.DiskBus != VirtIO && b.DiskBus != NVMe && b.DiskBus != SATA {
		return b, fmt.Errorf("disk bus %q: want %q, %q or %q", b.DiskBus, VirtIO, NVMe, SATA)
	}
	if b.Arch == ARM64 && b.DiskBus == SATA {
		return b, errors.New("an arm64 box has no SATA controller")
	}
	if 1+len(b.MoreDisks) > maxDisks || 1+len(b.MoreNICs) > maxNICs {
		return b, fmt.Errorf("%d disks and %d cards: at most %d and %d", 1+len(b.MoreDisks), 1+len(b.MoreNICs), maxDisks, maxNICs)
	}
	for _, gb := range b.MoreDisks {
		if gb < 1 {
			return b, fmt.Errorf("a further disk of %d GB: want at least 1 GB", gb)
		}
	}
	if b.DiskImage != "" && !filepath.IsAbs(b.DiskImage) {
		return b, fmt.Errorf("disk image %q: give an absolute path", b.DiskImage)
	}
	if b.BMCAddress == (netip.AddrPort{}) {
		return b, nil
	}
	if b.BMCAddress.Port() == 0 {
		b.BMCAddress = netip.AddrPortFrom(b.BMCAddress.Addr(), rmcpPort)
	}
	if a := b.BMCAddress.Addr(); !subnet.Contains(a) || a == subnet.Addr() {
		return b, fmt.Errorf("BMC address %s: want one in %s that isn't the appliance's", a, subnet.Masked())
	}
	if b.BMCUser == "" || len(b.BMCUser) > maxBMCUser || len(b.BMCPassword) > maxBMCPassword {
		return b, fmt.Errorf("BMC user and password: want a user of 1 to %d bytes and a password of at most %d", maxBMCUser, maxBMCPassword)
	}
	return b, nil
}
