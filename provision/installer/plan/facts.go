package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"rackhand/provision/installer/netconf"
)

// Facts are the machine's properties, known before anything is planned.
type Facts struct {
	Disks []Disk
	NICs  []netconf.NIC
	// BootNIC is the name of the card the machine booted from, "" when unknown.
	BootNIC string
	UEFI    bool // booted by UEFI firmware
	// DNS is the content of resolv.conf as the lease had it.
	DNS []string
	// Memory is in MiB.
	Memory int64
}

// A Disk is a whole disk that could be installed to.
type Disk struct {
	Name   string // vda
	Size   int64  // bytes
	Sector int    // logical sector, bytes: 512 or 4096
	Model  string
	Serial string
	WWN    string
	// Links are the names that udev would give it below /dev: disk/by-id/...,
	// disk/by-path/...
	Links []string
	// USB says that it is attached by USB. It may be a backup, so it is used only when the
	// Kickstart names it.
	USB bool
}

// ID identifies a disk during an install: its WWN, or its serial number, as the disk guard of
// the shipped templates writes it. It is "" for a disk without either, and for a disk on USB,
// because there the number belongs to the bridge.
func (d Disk) ID() string {
	if d.USB {
		return ""
	}
	words := strings.FieldsFunc(cmp.Or(d.WWN, d.Serial), func(r rune) bool { return r == ' ' || r == '\t' || r == '_' })
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return -1
	}, strings.Join(words, "_")), "_")
}

// ambiguous reports whether several disks have an id: virtio cuts serial numbers at 20 bytes.
func ambiguous(id string, disks []Disk) bool {
	n := 0
	for _, d := range disks {
		if d.ID() == id {
			n++
		}
	}
	return n > 1
}

// String is "sda (480.0 GB, MODEL, serial NUMBER)".
func (d Disk) String() string {
	s := fmt.Sprintf("%s (%s", d.Name, Gigabytes(d.Size))
	if d.Model != "" {
		s += ", " + d.Model
	}
	if d.Serial != "" {
		s += ", serial " + d.Serial
	}
	return s + ")"
}

// Gigabytes is a size in units of 10⁹ bytes: "480.0 GB".
func Gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }

// matches reports whether a Kickstart's word means this disk: its name with or
// without /dev/, a link that udev would make for it (disk/by-id/..., by-path), a
// shell pattern of those, several of them with | between, its serial number or WWN.
func (d Disk) matches(word string) bool {
	for alt := range strings.SplitSeq(word, "|") {
		alt = strings.TrimPrefix(strings.TrimSpace(alt), "/dev/")
		if alt == "" {
			continue
		}
		if strings.HasPrefix(alt, "disk/") {
			if slices.ContainsFunc(d.Links, func(l string) bool { ok, err := path.Match(alt, l); return err == nil && ok }) {
				return true
			}
			continue
		}
		if ok, err := path.Match(alt, d.Name); err == nil && ok {
			return true
		}
		if alt == d.Serial || alt == d.WWN {
			return true
		}
	}
	return false
}

// PartitionName is the name of the disk's n-th partition: vda1, nvme0n1p1.
func (d Disk) PartitionName(n int) string {
	if last := d.Name[len(d.Name)-1]; last >= '0' && last <= '9' {
		return fmt.Sprintf("%sp%d", d.Name, n)
	}
	return fmt.Sprintf("%s%d", d.Name, n)
}

// DescribeDisks lists disks for a message; "none" without any.
func DescribeDisks(disks []Disk) string {
	var out []string
	for _, d := range disks {
		out = append(out, d.String())
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}
