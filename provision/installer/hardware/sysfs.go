// Package hardware finds and prepares the machine's hardware: disks and network
// cards from sysfs, kernel modules and devices without a driver, the installer's own
// network, the clock.
package hardware

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
)

// FindDisks are the disks that could be installed to: physical, fixed and writable. sys is
// /sys.
func FindDisks(sys string) []plan.Disk {
	out, _ := FindAllDisks(sys)
	return out
}

// onUSB is in the place of a disk on USB: .../0000:00:14.0/usb2/2-1/2-1:1.0/host6/...
var onUSB = regexp.MustCompile(`/usb[0-9]+/`)

// FindAllDisks also finds the disks that can't be written to: a wipe has to report what it
// leaves.
func FindAllDisks(sys string) (out, locked []plan.Disk) {
	dirs, _ := filepath.Glob(sys + "/block/*")
	for _, dir := range dirs {
		name := filepath.Base(dir)
		// hidden: one of several paths to an NVMe disk, without a device node
		if skipDisk(name) || kernel.ReadInt(dir+"/hidden") != 0 || kernel.ReadInt(dir+"/removable") != 0 {
			continue
		}
		if _, err := os.Stat(dir + "/device"); err != nil {
			continue // a virtual one
		}
		d := plan.Disk{
			Name: name, Size: kernel.ReadInt(dir+"/size") * 512, // always in units of 512
			Sector: int(kernel.ReadInt(dir + "/queue/logical_block_size")),
			Model:  strings.Join(strings.Fields(kernel.ReadText(dir+"/device/model")), " "),
			Serial: kernel.ReadText(dir + "/device/serial"), WWN: kernel.ReadText(dir + "/device/wwid"),
		}
		if d.Serial == "" {
			d.Serial = kernel.ReadText(dir + "/serial") // virtio has it here
		}
		if d.WWN == "" {
			d.WWN = kernel.ReadText(dir + "/wwid")
		}
		if d.Sector == 0 {
			d.Sector = 512
		}
		if d.Serial == "" {
			d.Serial = vpdSerial(dir + "/device/vpd_pg80") // SCSI, and ATA behind it
		}
		d.Links = diskLinks(dir, d)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			d.USB = onUSB.MatchString(real)
		}
		switch {
		case d.Size < 64*plan.MiB: // a firmware's window, not a disk
		case kernel.ReadInt(dir+"/ro") != 0:
			locked = append(locked, d)
		default:
			out = append(out, d)
		}
	}
	return out, locked
}

// Memory is the machine's memory in MiB; name is /proc/meminfo.
func Memory(name string) int64 {
	for line := range strings.Lines(kernel.ReadText(name)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n / 1024
		}
	}
	return 0
}

// skipDisk reports whether a block device can't be installed to.
func skipDisk(name string) bool {
	for _, p := range []string{"dm-", "md", "mtdblock"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return !IsDisk(name) || strings.Contains(name, "boot") && strings.HasPrefix(name, "mmcblk") // eMMC boot areas
}

// FindNICs are the network cards, by name.
func FindNICs(sys string) []netconf.NIC {
	dirs, _ := filepath.Glob(sys + "/class/net/*")
	var out []netconf.NIC
	for _, dir := range dirs {
		if _, err := os.Stat(dir + "/device"); err != nil {
			continue // lo, bridges
		}
		mac, err := net.ParseMAC(kernel.ReadText(dir + "/address"))
		if err != nil || len(mac) != 6 {
			continue
		}
		out = append(out, netconf.NIC{Name: filepath.Base(dir), MAC: mac.String()})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// IsDisk reports whether a block device's name belongs to a disk, or to a device that is
// assembled from disks.
func IsDisk(name string) bool {
	for _, other := range []string{"loop", "ram", "zram", "sr", "fd", "nbd"} {
		if strings.HasPrefix(name, other) {
			return false
		}
	}
	return true
}
