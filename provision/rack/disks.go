package rack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// makeDisks puts a box's disks into dir.
func (b *Box) makeDisks(dir string) error {
	first := b.opts.DiskImage
	if first == "" {
		first = filepath.Join(dir, b.opts.Name+".disk.raw")
		if err := blankDisk(first, int64(b.opts.DiskGB)<<30); err != nil {
			return err
		}
	} else if _, err := os.Stat(first); err != nil {
		return fmt.Errorf("rack: disk image of %s: %w", b.opts.Name, err)
	}
	b.m.disks = []string{first}
	for i, gb := range b.opts.MoreDisks {
		path := filepath.Join(dir, fmt.Sprintf("%s.disk%d.raw", b.opts.Name, i+1))
		if err := blankDisk(path, int64(gb)<<30); err != nil {
			return err
		}
		b.m.disks = append(b.m.disks, path)
	}
	return nil
}

// Disk is the path of the box's first raw disk image.
func (b *Box) Disk() string { return b.m.disks[0] }

// Disks are the paths of all its raw disk images.
func (b *Box) Disks() []string { return append([]string(nil), b.m.disks...) }

// PullDisk takes a disk out of its slot, from 0, while the box is off: from its next
// start on, the box doesn't have it.
func (b *Box) PullDisk(i int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case i < 0 || i >= len(b.m.disks):
		return fmt.Errorf("rack: %s has no disk %d", b.opts.Name, i)
	case b.guest != nil:
		return fmt.Errorf("rack: pull disk %d of %s: switch the box off first", i, b.opts.Name)
	}
	if b.pulled == nil {
		b.pulled = map[int]bool{}
	}
	b.pulled[i] = true
	return nil
}

// blankDisk makes a sparse file of the given size.
func blankDisk(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("rack: blank disk: %w", err)
	}
	err = f.Truncate(size)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("rack: blank disk %s: %w", path, err)
	}
	return nil
}
