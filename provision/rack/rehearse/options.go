package rehearse

import (
	"log/slog"
	"time"

	"rackhand/provision/rack"
)

// Options say what is rehearsed.
type Options struct {
	Program string // path of the rackhand program that is run as the appliance
	Images  string // folder with the root images
	// Bootfiles is a folder with boot programs that stands before those of the
	// packages; "" for none.
	Bootfiles string
	Boxes     []Box
	// Accelerator is kvm or tcg; "" for kvm if a first guest boots with it.
	Accelerator string
	// Processors is how many each box has; 2 when 0.
	Processors int
	Policy     string // install policy of the boxes: on-request unless given
	// DHCP is the appliance's DHCP mode on the network: authoritative unless given.
	DHCP string
	// UnclaimedWait is how long an unclaimed box waits to be claimed, such as 10m; "": it
	// doesn't.
	UnclaimedWait string
	// Upstreams are the package mirrors by name; by default those of this
	// machine's apt.
	Upstreams map[string]string
	Logs      string // folder that keeps the logs of the boxes and the appliance
	Page      string // host:port where this machine's browsers see the status page; "" for none
	Log       *slog.Logger
}

// A Box is a virtual box and what the inventory says of it.
type Box struct {
	Name      string
	Firmware  string // bios or uefi
	Unclaimed bool   // it is not in the inventory
	DiskImage string // an existing raw image, for a box that carries data
	DiskGB    int

	// The box's own kind; see rack.BoxOptions.
	Arch                          string
	Clock                         time.Duration // the error of its hardware clock
	HTTPBoot, SecureBoot, IPXEROM bool
	// DiskBus, MoreDisks (in GB) and further cards; see rack.BoxOptions. The cards'
	// MACs are [MoreMAC].
	DiskBus   string
	MoreDisks []int
	MoreNICs  int
	// Variables are the host's in the inventory, a flow mapping of YAML such as
	// {layout: lvm}; "" for none.
	Variables string
	// Redfish makes its BMC speak Redfish too, and the appliance use that; BMCFaults: see
	// rack.BoxOptions.
	Redfish   bool
	BMCFaults rack.BMCFaults
	// BMC has more of the inventory's bmc keys, the inside of a flow mapping of YAML such as
	// settle: 5s; "" for none.
	BMC string
	// System is the image that it gets, made for the box's processor: debian12
	// unless given.
	System string
	// Boot is the inventory's boot key for it, a flow mapping of YAML such as
	// {program: ipxe.efi}; "" for none.
	Boot string
}
