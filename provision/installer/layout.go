package installer

import (
	"fmt"
	"slices"

	"rackhand/templates/kickstart"
)

// A partition is one `part` line on its way to a disk.
type partition struct {
	Pos     kickstart.Pos
	Mount   string // /, /boot/efi, swap, biosboot
	FS      string // ext4, ext3, ext2, swap, efi, vfat, biosboot
	Size    int64  // MiB
	Max     int64  // MiB, 0 for none
	Grow    bool
	OnDisk  string
	Label   string
	Options string // for fstab

	// what planning adds
	Disk   string // vda
	Device string // vda3
	Start  int64  // bytes
	Length int64  // bytes
	UUID   string // of the file system, as fstab has it
	GUID   string // of the partition
}

// isBlock: it has a file system that is mounted.
func (p partition) mounted() bool { return p.FS != "swap" && p.FS != "biosboot" }

func (p partition) gptType() string {
	switch p.FS {
	case "efi":
		return typeEFI
	case "biosboot":
		return typeBIOS
	case "swap":
		return typeSwap
	}
	return typeLinux
}

// layOut gives the partitions their places on one disk, in their order, from
// 1 MiB to 1 MiB before its end, and divides what is left among those that grow,
// by their sizes.
func layOut(d Disk, parts []*partition) error {
	total := d.Size/mib - 2
	var fixed int64
	for _, p := range parts {
		p.Length = p.Size
		fixed += p.Size
	}
	free := total - fixed
	if free < 0 {
		return fmt.Errorf("disk %s has room for %d MiB; the partitions need %d MiB", d, total, fixed)
	}
	growers := slices.DeleteFunc(slices.Clone(parts), func(p *partition) bool {
		return !p.Grow || (p.Max > 0 && p.Max <= p.Size)
	})
	for free > 0 && len(growers) > 0 {
		var weight int64
		for _, p := range growers {
			weight += p.Size
		}
		given := int64(0)
		var left []*partition
		for i, p := range growers {
			share := mulDiv(free, p.Size, weight)
			if i == len(growers)-1 {
				share = max(share, free-given) // what rounding left
			}
			share = min(share, free-given)
			if p.Max > 0 && p.Length+share >= p.Max {
				share = p.Max - p.Length
			} else {
				left = append(left, p)
			}
			p.Length += share
			given += share
		}
		free -= given
		if len(left) == len(growers) {
			break // nobody was stopped by a maximum: all is given
		}
		growers = left
	}
	at := mib
	for i, p := range parts {
		p.Start, p.Length = at, p.Length*mib
		at += p.Length
		p.Disk, p.Device = d.Name, d.partition(i+1)
	}
	return nil
}

// mulDiv is a*b/c. All are numbers of MiB below 2^31, so that a*b fits.
func mulDiv(a, b, c int64) int64 { return a * b / c }

// chooseDisks finds the disks to lay out: those named by ignoredisk --only-use,
// less ignoredisk --drives; limited to clearpart --drives. With none named, the
// only one there is.
func chooseDisks(disks []Disk, onlyUse, ignored, clear, onDisk []string) ([]Disk, error) {
	named := func(d Disk, words []string) bool { return slices.ContainsFunc(words, d.matches) }
	for _, list := range [][]string{onlyUse, clear, onDisk} {
		for _, word := range list {
			if !slices.ContainsFunc(disks, func(d Disk) bool { return d.matches(word) }) {
				return nil, fmt.Errorf("the Kickstart names disk %s; this machine has: %s", word, disksText(disks))
			}
		}
	}
	var out []Disk
	for _, d := range disks {
		switch {
		case len(onlyUse) > 0 && !named(d, onlyUse), named(d, ignored),
			len(clear) > 0 && !named(d, clear),
			len(onDisk) > 0 && !named(d, onDisk) && len(onlyUse)+len(clear) == 0:
		default:
			out = append(out, d)
		}
	}
	named1 := len(onlyUse)+len(clear)+len(onDisk) > 0
	switch {
	case len(out) == 0 && len(disks) == 0:
		return nil, fmt.Errorf("this machine has no disk that could be installed to: is its driver in the installer, is the controller set up?")
	case len(out) == 0:
		return nil, fmt.Errorf("the Kickstart excludes every disk; this machine has: %s", disksText(disks))
	case len(out) > 1 && !named1:
		return nil, fmt.Errorf("this machine has several disks and the Kickstart names none: %s; name one with ignoredisk --only-use", disksText(out))
	}
	return out, nil
}
