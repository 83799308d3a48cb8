package plan

import (
	"fmt"

	"rackhand/templates/kickstart"
)

// A Content is what a partition, an array or a logical volume holds: a file system, swap, or
// GRUB's own code.
type Content struct {
	Mount   string // /, /boot/efi, swap, biosboot; raid.NAME or pv.NAME for a member
	FS      string // ext4, ext3, ext2, xfs, swap, efi, vfat, biosboot; raid, lvm for a member
	Label   string
	Options string // for fstab

	// added by planning
	Device string // vda3, md0, mapper/system-root
	Length int64  // bytes, 0 when only the kernel will know
	UUID   string // of the file system, as fstab has it
}

// mounted reports whether it is a file system that is mounted.
func (c Content) mounted() bool { return c.formatted() && c.FS != "swap" }

// formatted reports whether it is a file system or swap.
func (c Content) formatted() bool { return c.FS != "biosboot" && c.FS != fsRAID && c.FS != fsLVM }

// The content of members of arrays and volume groups.
const (
	fsRAID = "raid"
	fsLVM  = "lvm"
)

// A partition is one `part` line on its way to a disk.
type partition struct {
	Content
	Pos       kickstart.Pos
	Size      int64 // MiB
	Max       int64 // MiB, 0 for none
	Grow      bool
	Recommend bool // swap by the machine's memory
	OnDisk    string

	// added by planning
	Disk  string // vda
	Start int64  // bytes
	GUID  string // of the partition
	ESP   bool   // a member of the mirrored EFI system partition: firmware reads it without the array
}

func (p partition) gptType() string {
	switch {
	case p.FS == "efi" || p.ESP:
		return TypeEFI
	case p.FS == "biosboot":
		return TypeBIOS
	case p.FS == "swap":
		return typeSwap
	case p.FS == fsRAID:
		return TypeRAID
	case p.FS == fsLVM:
		return TypeLVM
	}
	return typeLinux
}

// layOut gives the partitions of one disk their places, in their order, from 1 MiB to 1 MiB
// before its end.
func layOut(d Disk, parts []*partition) error {
	total := d.Size/MiB - 2
	slots := make([]*slot, len(parts))
	for i, p := range parts {
		slots[i] = &slot{Size: p.Size, Max: p.Max, Grow: p.Grow}
	}
	if missing := distribute(total, slots); missing > 0 {
		return fmt.Errorf("disk %s has room for %d MiB; the partitions need %d MiB", d, total, total+missing)
	}
	at := MiB
	for i, p := range parts {
		p.Start, p.Length = at, slots[i].Got*MiB
		at += p.Length
		p.Disk, p.Device = d.Name, d.PartitionName(i+1)
	}
	return nil
}
