package plan

import (
	"fmt"
	"slices"
)

// bootDisks are the disks that get GRUB's boot code for BIOS: all mirrored disks, or the disk
// of bootloader --boot-drive, or the disk with the biosboot or EFI partition.
func (p *diskPlan) bootDisks(drive string) ([]Disk, error) {
	var out []Disk
	for _, t := range p.tables {
		firmware := slices.ContainsFunc(p.parts, func(part partition) bool {
			return part.Disk == t.disk.Name && (part.FS == "biosboot" || part.FS == "efi" || part.ESP)
		})
		switch {
		case len(p.mirrored) > 0:
			if firmware {
				out = append(out, t.disk)
			}
		case len(out) == 0 && (drive != "" && t.disk.matches(drive) || drive == "" && firmware):
			out = append(out, t.disk)
		}
	}
	if drive != "" && !slices.ContainsFunc(out, func(d Disk) bool { return d.matches(drive) }) {
		return nil, fmt.Errorf("bootloader --boot-drive=%s is not among the disks that are laid out", drive)
	}
	return out, nil
}

// A BootPlace says where GRUB finds the kernels, and where the kernel finds its root.
type BootPlace struct {
	Root     string // UUID=..., or /dev/mapper/... for a logical volume
	BootUUID string // of the file system with the kernels
	Dir      string // of the kernels in that file system: /boot, or "" when it is a partition of its own
	Modules  []string
}

// bootPlace finds it in what is mounted.
func (p *diskPlan) bootPlace() BootPlace {
	var out BootPlace
	for _, c := range p.contents {
		if c.Mount == "/" {
			out.Root = "UUID=" + c.UUID
			if slices.ContainsFunc(p.volumes, func(v Volume) bool { return v.Mount == "/" }) {
				out.Root = "/dev/" + c.Device
			}
			if out.BootUUID == "" {
				out.BootUUID, out.Dir, out.Modules = c.UUID, "/boot", p.grubModules(c)
			}
		}
		if c.Mount == "/boot" {
			out.BootUUID, out.Dir, out.Modules = c.UUID, "", p.grubModules(c)
		}
	}
	return out
}

// grubModules are the modules that GRUB needs to read a file system.
func (p *diskPlan) grubModules(c Content) []string {
	var out []string
	lvm := slices.ContainsFunc(p.volumes, func(v Volume) bool { return v.Mount == c.Mount })
	raid := slices.ContainsFunc(p.arrays, func(a Array) bool { return a.Mount == c.Mount || lvm && a.FS == fsLVM })
	if raid {
		out = append(out, "diskfilter", "mdraid1x")
	}
	if lvm {
		out = append(out, "lvm")
	}
	switch c.FS {
	case "xfs":
		return append(out, "xfs")
	case "vfat":
		return append(out, "fat")
	}
	return append(out, "ext2")
}
