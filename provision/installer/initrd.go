package installer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// addToInitrds appends a file to every initramfs of the installed system. The kernel
// unpacks archives that follow each other, a later file over an earlier one
// (Documentation/driver-api/early-userspace/buffer-format.rst). So a file of a hundred
// bytes needs no rebuild of an initramfs, which takes a minute or two on a slow machine.
func addToInitrds(root *os.Root, name, text string) error {
	kernels, err := kernelsIn(root)
	if err != nil {
		return err
	}
	if len(kernels) == 0 {
		return errors.New("the image has no kernel with an initramfs in /boot")
	}
	for _, k := range kernels {
		if err := appendTo(root, "boot/"+k.initrd, smallArchive(name, text)); err != nil {
			return err
		}
	}
	return nil
}

// appendTo appends at the next multiple of 4, where the kernel looks.
func appendTo(root *os.Root, file, data string) error {
	f, err := root.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(strings.Repeat("\x00", int(-end&3)) + data); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// smallArchive is a cpio archive ("new ASCII format") of one file and the folders
// that it lies in.
func smallArchive(name, text string) string {
	var b strings.Builder
	entry := func(name string, mode int, text string) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
			0, mode, 0, 0, 1, 0, len(text), 0, 0, 0, 0, len(name)+1, 0, name)
		b.WriteString(strings.Repeat("\x00", -b.Len()&3) + text)
		b.WriteString(strings.Repeat("\x00", -b.Len()&3))
	}
	name = strings.TrimPrefix(name, "/")
	for i, c := range name {
		if c == '/' {
			entry(name[:i], 0o040755, "")
		}
	}
	entry(name, 0o100644, text)
	entry("TRAILER!!!", 0, "")
	return b.String()
}
