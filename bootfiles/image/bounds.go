package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"

	"rackhand/config/file"
)

// Limits of a root tar. A hostile one is small and packed: a bomb.
const (
	// DefaultMaxSize bounds the bytes of an imported root, unpacked.
	DefaultMaxSize = 64 << 30
	maxDepth       = 128       // folders above a file
	maxName        = 4096      // PATH_MAX, limits.h
	maxXattr       = 64 << 10  // XATTR_SIZE_MAX, xattr(7)
	maxXattrName   = 255       // XATTR_NAME_MAX
	entryMemory    = 600       // memory of an entry beside its texts
	maxKernel      = 256 << 20 // bytes of a kernel's image
	maxRPMFile     = 1 << 30   // bytes of one file of rpm's database
	maxCopied      = 8 << 30   // bytes of kernel, modules, firmware and rpm's database together
	maxModules     = 2 << 30   // bytes of the unpacked modules of an initramfs
)

// Limits of a root tar, in bytes.
type limits struct {
	content int64 // of all files
	headers int64 // of the tar, without content
	memory  int64 // for names, links and extended attributes
}

func limitsFor(content int64) limits { return limits{content, 4 << 30, 512 << 20} }

// importSize is the largest allowed size of a root: the operator's limit, and the size that
// fits on the disk twice, once as it is read and once as it is packed.
func importSize(dir string, most int64) (int64, error) {
	free, err := file.Free(dir)
	if err != nil {
		return 0, err
	}
	if most <= 0 {
		most = DefaultMaxSize
	}
	return min(most, free/2), nil
}

// tooLarge names the bound that a root broke.
func tooLarge(bound, most int64) error {
	if most <= 0 {
		most = DefaultMaxSize
	}
	if bound < most {
		return fmt.Errorf("the root unpacks to more than %d MiB, and the disk has no room for more (it is written twice): make room", bound>>20)
	}
	return fmt.Errorf("the root unpacks to more than %d MiB: allow it more with --max-size, if it is what you think it is", bound>>20)
}

var errTooLarge = errors.New("it unpacks to more than it may")

// A stream ends with errTooLarge once more was read than it has left.
type stream struct {
	r    io.Reader
	left int64
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p[:min(int64(len(p)), s.left+1)])
	if s.left -= int64(n); s.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// remember counts what an entry takes in memory, and refuses texts that no file
// system of Linux can hold.
func (t *rootTar) remember(name string, h *tar.Header) error {
	switch {
	case strings.Count(name, "/") > maxDepth:
		return fmt.Errorf("it lies below more than %d folders", maxDepth)
	case len(h.Linkname) >= maxName:
		return fmt.Errorf("it is a link to a path of %d bytes", len(h.Linkname))
	}
	t.memory += entryMemory + int64(len(name)+len(h.Linkname))
	for key, value := range h.PAXRecords {
		if len(value) > maxXattr || len(key) > len(xattrPrefix)+maxXattrName {
			return fmt.Errorf("its extended attribute %.40q has %d bytes, and Linux keeps %d at most", key, len(value), maxXattr)
		}
		t.memory += int64(len(key) + len(value))
	}
	if t.memory > t.most.memory {
		return fmt.Errorf("the names and attributes of the first %d files take more than %d MiB of memory", len(t.entries), t.most.memory>>20)
	}
	return nil
}

// copying counts what is copied out of the root: a thousand hard links of one file are
// a thousand files then.
func (t *rootTar) copying(size int64) error {
	if t.copied += size; t.copied > maxCopied {
		return fmt.Errorf("its kernel, modules, firmware and rpm database take more than %d GiB", maxCopied>>30)
	}
	return nil
}
