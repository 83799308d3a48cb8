package installer

import (
	"fmt"

	"rackhand/templates/kickstart"
)

// A content is what lies on a partition, an array or a logical volume: a file
// system, swap, or GRUB's own place.
type content struct {
	Mount   string // /, /boot/efi, swap, biosboot; raid.NAME or pv.NAME for a member
	FS      string // ext4, ext3, ext2, xfs, swap, efi, vfat, biosboot; raid, lvm for a member
	Label   string
	Options string // for fstab

	// what planning adds
	Device string // vda3, md0, mapper/system-root
	Length int64  // bytes, 0 when only the kernel will know
	UUID   string // of the file system, as fstab has it
}

// mounted: it has a file system that is mounted.
func (c content) mounted() bool { return c.formatted() && c.FS != "swap" }

// formatted: it has a file system, or is swap.
func (c content) formatted() bool { return c.FS != "biosboot" && c.FS != fsRAID && c.FS != fsLVM }

// What members carry.
const (
	fsRAID = "raid"
	fsLVM  = "lvm"
)

// A partition is one `part` line on its way to a disk.
type partition struct {
	content
	Pos       kickstart.Pos
	Size      int64 // MiB
	Max       int64 // MiB, 0 for none
	Grow      bool
	Recommend bool // swap by the machine's memory
	OnDisk    string

	// what planning adds
	Disk  string // vda
	Start int64  // bytes
	GUID  string // of the partition
	ESP   bool   // a member of the mirrored EFI system partition: firmware reads it by itself
}

func (p partition) gptType() string {
	switch {
	case p.FS == "efi" || p.ESP:
		return typeEFI
	case p.FS == "biosboot":
		return typeBIOS
	case p.FS == "swap":
		return typeSwap
	case p.FS == fsRAID:
		return typeRAID
	case p.FS == fsLVM:
		return typeLVM
	}
	return typeLinux
}

// layOut gives the partitions their places on one disk, in their order, from
// 1 MiB to 1 MiB before its end, and divides what is left among those that grow,
// by their sizes.
func layOut(d Disk, parts []*partition) error {
	total := d.Size/mib - 2
	rooms := make([]*room, len(parts))
	for i, p := range parts {
		rooms[i] = &room{Size: p.Size, Max: p.Max, Grow: p.Grow}
	}
	if missing := share(total, rooms); missing > 0 {
		return fmt.Errorf("disk %s has room for %d MiB; the partitions need %d MiB", d, total, total+missing)
	}
	at := mib
	for i, p := range parts {
		p.Start, p.Length = at, rooms[i].Got*mib
		at += p.Length
		p.Disk, p.Device = d.Name, d.partition(i+1)
	}
	return nil
}
