// Package boot decides what a host gets when it boots from the network. It is
// pure: (Snapshot, Install, Request) -> Decision.
package boot

import (
	"rackhand/inventory"
)

// An Arch is a client's processor and firmware, DHCP option 93 (RFC 4578 with
// its errata; IANA "Processor Architecture Types").
type Arch uint16

// The architectures that matter here: those with a boot program, and IA32.
const (
	ArchBIOS      Arch = 0x00
	ArchIA32UEFI  Arch = 0x06
	ArchX64UEFI   Arch = 0x07
	ArchEBC       Arch = 0x09 // RFC 4578 swapped 7 and 9: old x64 firmware sends 9
	ArchARM64UEFI Arch = 0x0b
	ArchX64HTTP   Arch = 0x10
	ArchARM64HTTP Arch = 0x13
)

// A Request holds the known facts about a client that asks.
type Request struct {
	MAC  inventory.MAC
	Arch Arch
	// Client is the kind of program that asks.
	Client Client
	// Chained: this MAC's card was given a boot program in the last minutes, so an
	// iPXE that asks now is that program and not the card's own.
	Chained bool
	// Proved: it asks over TCP from the address that is leased to the MAC. Else it is one
	// datagram, which anybody can send.
	Proved bool
}

// A Client is the kind of program that asks.
type Client int

// The kinds of client. Only firmware and iPXE are ever given a boot file over DHCP.
const (
	Other    Client = iota // an installer's or a system's DHCP client
	PXE                    // firmware's PXE ROM (option 60 PXEClient)
	HTTPBoot               // UEFI HTTP Boot (option 60 HTTPClient)
	IPXE                   // iPXE (option 77, or option 175): wants a script
	GRUB                   // GRUB, which asks for its menu by TFTP, not over DHCP
)

// Boots reports whether this kind of client loads what it is given: firmware,
// iPXE and GRUB do; an installer's or a system's DHCP client doesn't.
func (c Client) Boots() bool { return c != Other }

// String names the client as events and pages show it.
func (c Client) String() string {
	switch c {
	case PXE:
		return "PXE"
	case HTTPBoot:
		return "HTTP boot"
	case IPXE:
		return "iPXE"
	case GRUB:
		return "GRUB"
	default:
		return "other"
	}
}

// An Action is the outcome for a host that boots from the network.
type Action string

// The actions.
const (
	// Nothing: not ours to boot (unclaimed): an address and no more.
	Nothing Action = "nothing"
	// Wait: not ours to boot yet (unclaimed). Its boot program waits until it is claimed.
	Wait Action = "wait"
	// Disk: it boots its own disk; no boot file.
	Disk Action = "disk"
	// InstallIt: it gets the boot program, script, kernel and installer.
	InstallIt Action = "install"
)

// A Decision holds all that a client gets.
type Decision struct {
	Host   *inventory.Host // nil for a box that is not in the inventory
	Action Action
	// Arm: this network boot arms the host's first install (policy first-boot).
	// The caller arms it, durably, before it answers.
	Arm bool
	// Asks: the box may have rebooted in mid-install, which ends it or asks the operator. A
	// datagram doesn't show that; so the box is given its program and script, which will
	// boot its disk: the script is asked for over TCP.
	Asks bool
	// Program names the boot program for the client's firmware, a name that
	// package bootfiles knows (undionly.kpxe, snponly.efi); "" when the client
	// gets none: nothing to boot, no client that boots, no program for its firmware.
	Program string
	// Script: the client is iPXE or GRUB, and gets its script instead of a program.
	Script bool
	// Why says it in one sentence, for the event.
	Why string
}
