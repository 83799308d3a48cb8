package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// sealed reports whether disks are read-only while the %pre scripts of a brought
// Kickstart run: scripts that were written for Anaconda clear disks (wipefs, dd,
// sgdisk --zap-all) before the guard has looked at them. With leave to wipe, and a
// Kickstart that clears whole disks, they may.
func sealed(r *Recipe, may Leave) bool {
	return r.skip && len(r.Pre) > 0 && (!may.Wipe || r.keep != "")
}

// sealDisks has the kernel refuse writes to disks and their partitions; what it returns
// takes that back. What is read-only already stays so.
func sealDisks(disks []Disk) (open func() error, err error) {
	var done []string
	open = func() error {
		var errs []error
		for _, path := range done {
			if err := setWriteFlag(path, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("open %s again: %w", path, err))
			}
		}
		done = nil
		return errors.Join(errs...)
	}
	for _, d := range disks {
		for _, n := range append([]string{d.Name}, slices.Sorted(maps.Keys(kernelPartitions(d.Name)))...) {
			path := "/dev/" + n
			if n == d.Name && readInt("/sys/block/"+n+"/ro") != 0 {
				break
			}
			if err := setWriteFlag(path, 1); err != nil {
				return open, errors.Join(fmt.Errorf("make %s read-only for %%pre: %w", path, err), open())
			}
			done = append(done, path)
		}
	}
	return open, nil
}

// setWriteFlag sets (1) or clears (0) a block device's read-only flag (BLKROSET).
func setWriteFlag(path string, to int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.BLKROSET, to)
}
