package rack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
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
	// Redfish makes its BMC speak Redfish on port 443 of the same address, beside IPMI.
	Redfish    bool
	BMCFaults  BMCFaults
	Firmware   string // BIOS or UEFI; BIOS when empty
	Arch       string // AMD64 or ARM64; AMD64 when empty
	Processors int    // 2 when 0; an emulated one takes one of this machine's
	// Clock is the error of a new box's hardware clock; below 0 it is behind. Later the clock
	// is as the guests set it.
	Clock    time.Duration
	MemoryMB int // 1024 when 0
	DiskGB   int // 4 when 0; the disk is blank and sparse
	// DiskImage is an existing raw image that is used, and written to, instead
	// of a blank disk. It isn't removed.
	DiskImage string
	// MoreDisks are the sizes, in GB, of further blank disks.
	MoreDisks []int
	// DiskBus is the bus of all its disks: VirtIO (when empty), NVMe or SATA.
	DiskBus string
	// MoreNICs are the MACs of further cards on the same network. The first card,
	// that with MAC, is the one that boots.
	MoreNICs []net.HardwareAddr
	// DefaultBoot is the boot order without an override: BootPXE
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

// BMCFaults are what a BMC acknowledges and doesn't do, in either protocol.
type BMCFaults struct {
	SwallowsOverride bool // the boot override isn't kept
	SwallowsCycle    bool // cycle and reset
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
	maxDisks       = 6 // ports of q35's SATA controller
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
	boxes, err := boxesWithDefaults(o.Boxes, o.Appliance)
	if err != nil {
		return o, err
	}
	o.Boxes = boxes
	return o, nil
}

// boxesWithDefaults fills in the options of each box. It refuses boxes that share a name,
// a MAC or a BMC address.
func boxesWithDefaults(given []BoxOptions, subnet netip.Prefix) ([]BoxOptions, error) {
	boxes := make([]BoxOptions, len(given))
	names, macs, bmcs := map[string]bool{}, map[string]bool{}, map[netip.AddrPort]bool{}
	for i, b := range given {
		b, err := b.withDefaults(subnet)
		if err != nil {
			return nil, fmt.Errorf("rack: box %d (%q): %w", i+1, b.Name, err)
		}
		taken := names[b.Name] || bmcs[b.BMCAddress]
		for _, mac := range b.macs() {
			taken = taken || macs[mac.String()]
			macs[mac.String()] = true
		}
		if taken {
			return nil, fmt.Errorf("rack: box %d (%q): its name, MAC or BMC address belongs to another box already", i+1, b.Name)
		}
		names[b.Name] = true
		if b.BMCAddress.IsValid() {
			bmcs[b.BMCAddress] = true
		}
		boxes[i] = b
	}
	return boxes, nil
}
