package iso9660

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
)

const (
	sector = 2048 // logical sector, ECMA-119 6.1.2; the logical block of every image here

	// Limits for reading an image. A DVD of a distribution has about 10,000
	// entries in its largest directory.
	maxDescriptors = 64
	maxDirBytes    = 32 << 20
	maxEntries     = 200_000  // of one directory
	maxNames       = 16 << 20 // bytes of the names and links in one directory
	maxName        = 1024     // bytes of a Rock Ridge name
	maxAreas       = 16       // continuation areas of one entry
	maxLinks       = 16       // symbolic links on the way to a file
	maxDepth       = 64       // parts of a path
	maxCached      = 256      // directories kept parsed
	maxCachedNames = 400_000  // entries in all of them
	maxCachedBytes = 64 << 20 // of their names and links
)

// ErrFormat is in the errors of an image that can't be read as one.
var ErrFormat = errors.New("this is not a readable ISO 9660 image")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// A Volume is an image that is open. It may be used by several goroutines.
type Volume struct {
	r     io.ReaderAt
	size  int64
	label string
	root  *entry
	susp  bool // Rock Ridge names are read
	skip  int  // bytes before each System Use Area, SUSP 5.3

	mu     sync.Mutex
	dirs   map[uint32]map[string]*entry // by the block of a directory's extent
	cached int                          // entries in dirs
	bytes  int64                        // of their names and links
}

// Open reads an image of so many bytes. Nothing of the image's files is read yet.
func Open(r io.ReaderAt, size int64) (*Volume, error) {
	v := &Volume{r: r, size: size, dirs: map[uint32]map[string]*entry{}}
	block := make([]byte, sector)
	for i := range int64(maxDescriptors) {
		if err := v.readAt(block, (16+i)*sector); err != nil {
			return nil, err
		}
		if string(block[1:6]) != "CD001" {
			return nil, broken("no volume descriptor in block %d", 16+i)
		}
		switch block[0] {
		case 1: // primary, ECMA-119 8.4
			if v.root != nil {
				continue // a second copy
			}
			if n := binary.LittleEndian.Uint16(block[128:]); n != sector {
				return nil, broken("its logical blocks have %d bytes, not %d", n, sector)
			}
			e, _, err := parseRecord(block[156:190])
			if err != nil {
				return nil, err
			}
			e.dir = true
			v.root, v.label = e, strings.TrimRight(string(block[40:72]), " \x00")
		case 255: // terminator
			if v.root == nil {
				return nil, broken("it has no primary volume descriptor")
			}
			return v, v.probe()
		}
	}
	return nil, broken("more than %d volume descriptors", maxDescriptors)
}

// Label is the volume's name.
func (v *Volume) Label() string { return v.label }

// RockRidge reports whether the image has Rock Ridge; without, names are those of
// ECMA-119, in small letters and without their version.
func (v *Volume) RockRidge() bool { return v.susp }

// probe looks whether the root's own entry announces SUSP (the field SP, SUSP 5.3)
// and Rock Ridge: ER with its identifier, or names as plain as day (RR or PX), which
// old mkisofs writes.
func (v *Volume) probe() error {
	block := make([]byte, sector)
	if err := v.readAt(block, int64(v.root.extents[0].block)*sector); err != nil {
		return err
	}
	n := int(block[0])
	if n < 34 {
		return broken("its root directory has no entry of its own")
	}
	_, area, err := parseRecord(block[:n])
	if err != nil {
		return err
	}
	if len(area) < 7 || string(area[:2]) != "SP" || area[2] < 7 || area[4] != 0xBE || area[5] != 0xEF {
		return nil // plain ISO 9660
	}
	v.skip = int(area[6])
	return v.fields(area, func(f field) error {
		switch f.name {
		case "RR", "PX":
			v.susp = true
		case "ER":
			// The length of the identifier, and it: RRIP_1991A, IEEE_P1282, IEEE_1282.
			if d := f.data; len(d) > 4 && int(d[0]) <= len(d)-4 {
				switch string(d[4 : 4+int(d[0])]) {
				case "RRIP_1991A", "IEEE_P1282", "IEEE_1282":
					v.susp = true
				}
			}
		}
		return nil
	})
}

// readAt fills b from the image; a place beyond its end is an error.
func (v *Volume) readAt(b []byte, at int64) error {
	if at < 0 || at > v.size-int64(len(b)) {
		return broken("it points to byte %d, and has %d: is the file whole?", at, v.size)
	}
	n, err := v.r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading the image at byte %d: %w", at, err)
}

// notExist is the error of a path that isn't there.
func notExist(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist} }
