package image

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// The file types of st_mode that an initramfs may hold (inode(7)).
const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
	modeChar = 0o020000
)

// An entry is one name in an initramfs.
type entry struct {
	Name string // without a leading slash
	Mode uint32 // type and permissions, as st_mode
	Data []byte // a file's content or a link's target
	// Open gives a regular file's content when Data is nil and Size isn't 0.
	Open         func() (io.ReadCloser, error)
	Size         int64
	Major, Minor uint32 // of a device
}

// cpioEpoch is every entry's time: an initramfs lives in memory, and equal inputs
// have to make equal bytes.
const cpioEpoch = releaseEpoch

// writeCPIO writes the entries, which come sorted by name so that a folder stands
// before what lies in it, as one archive in the "newc" format that the kernel
// reads (its Documentation/driver-api/early-userspace/buffer-format.rst): a header
// of 13 fields of 8 hex digits behind the magic, name and data each padded to 4
// bytes. All belong to root.
func writeCPIO(w io.Writer, entries []entry) error {
	if !slices.IsSortedFunc(entries, func(a, b entry) int { return compareNames(a.Name, b.Name) }) {
		return errors.New("write cpio: its entries aren't sorted")
	}
	for i, e := range entries {
		// Inode numbers start at 1: files of one inode would be taken for links.
		if err := writeEntry(w, e, uint32(i+1)); err != nil {
			return fmt.Errorf("write cpio: %s: %w", e.Name, err)
		}
	}
	return writeEntry(w, entry{Name: "TRAILER!!!"}, 0)
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func writeEntry(w io.Writer, e entry, inode uint32) error {
	size := e.Size
	if e.Data != nil {
		size = int64(len(e.Data))
	}
	if size < 0 || size > 0xffffffff {
		return fmt.Errorf("%d bytes don't fit into a cpio archive", size)
	}
	links, mtime := 1, int64(cpioEpoch)
	if e.Mode&0o170000 == modeDir {
		links = 2
	}
	if e.Mode == 0 {
		mtime = 0
	}
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		inode, e.Mode, 0, 0, links, mtime, size, 0, 0, e.Major, e.Minor, len(e.Name)+1, 0, e.Name)
	if err := writePadded(w, []byte(header)); err != nil {
		return err
	}
	if e.Data != nil || size == 0 {
		return writePadded(w, e.Data)
	}
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(w, io.LimitReader(r, size))
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("it ended after %d of %d bytes", n, size)
	}
	return pad(w, size)
}

func writePadded(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return err
	}
	return pad(w, int64(len(data)))
}

func pad(w io.Writer, n int64) error {
	_, err := w.Write(make([]byte, (4-n%4)%4))
	return err
}
