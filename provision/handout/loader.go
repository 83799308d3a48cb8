package handout

import (
	"fmt"
	"net/url"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// A Loader is a boot loader that asks for its script, and the protocol by which it fetches
// kernel and initrd.
type Loader struct {
	name   string // ipxe or grub, the ending of its templates' names
	Client boot.Client
	TFTP   bool // otherwise HTTP
}

// The loaders that have scripts.
var (
	IPXEHTTP = Loader{"ipxe", boot.IPXE, false}
	IPXETFTP = Loader{"ipxe", boot.IPXE, true}
	GRUBHTTP = Loader{"grub", boot.GRUB, false}
	GRUBTFTP = Loader{"grub", boot.GRUB, true}
)

// Install names the template of a script that boots the installer.
func (l Loader) Install() string { return "install." + l.name }

// Disk names the template of a script that boots the disk.
func (l Loader) Disk() string { return "disk." + l.name }

// Wait names the template of GRUB's menu that asks again later. iPXE asks again after an HTTP
// status of 503.
func (l Loader) Wait() string { return "wait." + l.name }

// Unclaimed names the template of a script that waits until its box is claimed. Only iPXE has
// one.
func (l Loader) Unclaimed() string { return "unclaimed." + l.name }

// Claimed names the template of a script for a box that was claimed while it waited.
func (l Loader) Claimed() string { return "claimed." + l.name }

// Base returns an appliance's URL before a path, as the loader writes it. GRUB has devices
// instead of URLs: (http,10.77.0.1), (tftp,10.77.0.1).
func (l Loader) Base(appliance string) (string, error) {
	u, err := url.Parse(appliance)
	if err != nil {
		return "", fmt.Errorf("the appliance's own URL: %w", err)
	}
	switch {
	case l.Client == boot.GRUB && l.TFTP:
		return "(tftp," + u.Hostname() + ")", nil
	case l.Client == boot.GRUB:
		return "(http," + u.Host + ")", nil
	case l.TFTP:
		return "tftp://" + u.Hostname(), nil
	default:
		return appliance, nil
	}
}

// Script returns the URL of a MAC's script for iPXE, at an appliance's URL.
func (l Loader) Script(appliance string, mac inventory.MAC) (string, error) {
	base, err := l.Base(appliance)
	if l.TFTP {
		return base + "/ipxe/" + mac.String(), err
	}
	return base + "/boot/ipxe?mac=" + mac.String(), err
}

// Scripts names the templates of all boot scripts that a host may get: iPXE's, and GRUB's if
// GRUB boots it, and those of the time before it was claimed.
func Scripts(h *inventory.Host) []string {
	all := []string{IPXEHTTP.Install(), IPXEHTTP.Disk()}
	if h.Boot.SecureBoot || h.System.Processor() == inventory.ArchARM64 {
		all = append(all, GRUBHTTP.Install(), GRUBHTTP.Disk(), GRUBHTTP.Wait())
	}
	if h.Network != nil && h.Network.UnclaimedWait > 0 {
		all = append(all, IPXEHTTP.Unclaimed(), IPXEHTTP.Claimed())
	}
	return all
}
