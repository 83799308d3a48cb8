package plan

import (
	"fmt"
	"slices"
)

// chooseDisks finds the disks to lay out: those named by ignoredisk --only-use,
// less ignoredisk --drives; limited to clearpart --drives. With none named, the
// only one there is, those on USB left aside.
func chooseDisks(disks []Disk, onlyUse, ignored, clear, onDisk []string) ([]Disk, error) {
	named := func(d Disk, words []string) bool { return slices.ContainsFunc(words, d.matches) }
	for _, list := range [][]string{onlyUse, clear, onDisk} {
		for _, word := range list {
			if !slices.ContainsFunc(disks, func(d Disk) bool { return d.matches(word) }) {
				return nil, fmt.Errorf("the Kickstart names disk %s; this machine has: %s", word, DescribeDisks(disks))
			}
		}
	}
	named1 := len(onlyUse)+len(clear)+len(onDisk) > 0
	var out []Disk
	usb := 0
	for _, d := range disks {
		switch {
		case !named1 && d.USB && !named(d, ignored): // only if named
			usb++
		case len(onlyUse) > 0 && !named(d, onlyUse), named(d, ignored),
			len(clear) > 0 && !named(d, clear),
			len(onDisk) > 0 && !named(d, onDisk) && len(onlyUse)+len(clear) == 0:
		default:
			out = append(out, d)
		}
	}
	switch {
	case len(out) == 0 && usb > 0:
		return nil, fmt.Errorf("this machine shows only disks on USB: %s; name one to install to it, or check whether the installer has the driver of the disk controller", DescribeDisks(disks))
	case len(out) == 0 && len(disks) == 0:
		return nil, fmt.Errorf("this machine has no disk that could be installed to: is its driver in the installer, is the controller set up?")
	case len(out) == 0:
		return nil, fmt.Errorf("the Kickstart excludes every disk; this machine has: %s", DescribeDisks(disks))
	case len(out) > 1 && !named1:
		return nil, fmt.Errorf("this machine has several disks and the Kickstart names none: %s; name one with ignoredisk --only-use", DescribeDisks(out))
	}
	return out, onePath(out, disks)
}

// onePath refuses a disk that is there twice: two paths to one unit of a storage
// array. Written to as two disks, or by one path behind the other's back, it would
// be destroyed sooner or later.
func onePath(chosen, all []Disk) error {
	for _, c := range chosen {
		for _, d := range all {
			if d.Name != c.Name && c.WWN != "" && d.WWN == c.WWN {
				return fmt.Errorf("disks %s and %s are two paths to one (WWID %s): rackhand-installer doesn't install to multipath disks; leave one path connected, or name another disk", c.Name, d.Name, c.WWN)
			}
		}
	}
	return nil
}
