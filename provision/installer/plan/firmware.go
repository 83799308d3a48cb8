package plan

import (
	"fmt"
	"slices"
	"strings"
)

// A firmware is the kind of firmware of the box, and the disk that it should boot from by
// `bootloader --boot-drive`.
type firmware struct {
	UEFI  bool
	Drive string // "" for none
}

// Sizes of partitions that a Kickstart needn't have, in MiB: GRUB's own, and an EFI
// system partition that holds it with room to spare.
const (
	biosBootSize = 1
	efiSize      = 128
)

// addFirmware adds the partitions that the box boots from when the Kickstart has none.
// Kickstarts for Anaconda are written for one kind of firmware, and BIOS needs no partition
// on an MS-DOS table. Without either, both are added, as for autopart, because a box may be
// switched over later. They go to the disk of --boot-drive, or to the disk with the kernels.
// No other disk may be changed for them.
func (p *diskPlan) addFirmware(fw firmware, disks []Disk) {
	bios := slices.ContainsFunc(p.parts, func(part partition) bool { return part.FS == "biosboot" })
	efi := slices.ContainsFunc(p.parts, func(part partition) bool { return part.FS == "efi" || part.Mount == "/boot/efi" }) ||
		slices.ContainsFunc(p.arrays, func(a Array) bool { return a.Mount == "/boot/efi" })
	disk := p.bootDisk(fw.Drive, disks)
	if disk == "" {
		return
	}
	var (
		more []partition
		said []string
	)
	if !bios && (!efi || !fw.UEFI) {
		more = append(more, partition{Content: Content{Mount: "biosboot", FS: "biosboot"}, Size: biosBootSize, Disk: disk})
		said = append(said, fmt.Sprintf("biosboot (%d MiB)", biosBootSize))
	}
	if !efi && (!bios || fw.UEFI) {
		more = append(more, partition{Content: Content{Mount: "/boot/efi", FS: "efi"}, Size: efiSize, Disk: disk})
		said = append(said, fmt.Sprintf("/boot/efi (%d MiB)", efiSize))
	}
	if len(more) == 0 {
		return
	}
	p.parts = append(more, p.parts...)
	p.added = fmt.Sprintf("the Kickstart lacks what this box boots from: made on %s: %s", disk, strings.Join(said, ", "))
}

// bootDisk is the disk that the box boots from: the named one if it has partitions, or the
// one with the kernels; "" if no disk has them.
func (p *diskPlan) bootDisk(drive string, disks []Disk) string {
	for _, d := range disks {
		used := slices.ContainsFunc(p.parts, func(part partition) bool { return part.Disk == d.Name })
		if drive != "" && used && d.matches(drive) {
			return d.Name
		}
	}
	for _, mount := range []string{"/boot", "/"} {
		if d := p.diskOf(mount); d != "" {
			return d
		}
	}
	return ""
}

// diskOf returns the first disk of a mount point's content, or of a member.
func (p *diskPlan) diskOf(mount string) string {
	for _, part := range p.parts {
		if part.Mount == mount {
			return part.Disk
		}
	}
	for _, a := range p.arrays {
		if a.Mount == mount && len(a.Members) > 0 {
			return p.diskOf(a.Members[0])
		}
	}
	for _, v := range p.volumes {
		for _, g := range p.groups {
			if v.Mount == mount && g.Name == v.Group && len(g.Members) > 0 {
				return p.diskOf(g.Members[0])
			}
		}
	}
	return ""
}
