package iso9660

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// An extent is where bytes of a file lie.
type extent struct {
	block uint32
	bytes uint32
}

// An entry is a directory record, ECMA-119 9.1, with what Rock Ridge adds.
type entry struct {
	name    string
	extents []extent
	time    time.Time
	dir     bool
	hidden  bool // an associated file, or a directory's entry where Rock Ridge moved it to (RE)
	more    bool // a further extent of the same file follows
	mode    fs.FileMode
	child   uint32 // the block that a relocated directory stands at (CL); 0: none
	link    string // target of a symbolic link
	raw     string // the identifier in the record
}

func (e *entry) size() int64 {
	var n int64
	for _, x := range e.extents {
		n += int64(x.bytes)
	}
	return n
}

// bytes is how much memory its texts take.
func (e *entry) bytes() int64 { return int64(len(e.name) + len(e.link) + len(e.raw)) }

// parseRecord reads a directory record of len(b) bytes and returns its System Use
// Area, too. The name is the ECMA-119 name.
func parseRecord(b []byte) (*entry, []byte, error) {
	if len(b) < 34 {
		return nil, nil, broken("a directory record of %d bytes", len(b))
	}
	nameLen := int(b[32])
	area := 33 + nameLen + (nameLen+1)%2 // padded to an even length
	if nameLen == 0 || 33+nameLen > len(b) {
		return nil, nil, broken("a name of %d bytes in a directory record of %d", nameLen, len(b))
	}
	// Interleaved files (ECMA-119 6.4.3) were for drives of 1988.
	if b[26] != 0 || b[27] != 0 {
		return nil, nil, broken("an interleaved file")
	}
	block := binary.LittleEndian.Uint32(b[2:])
	e := &entry{
		raw: string(b[33 : 33+nameLen]),
		// The extended attribute record comes first in the extent, 9.1.2.
		extents: []extent{{block + uint32(b[1]), binary.LittleEndian.Uint32(b[10:])}},
		time:    recordTime(b[18:25]),
		dir:     b[25]&0x02 != 0,
		hidden:  b[25]&0x04 != 0,
		more:    b[25]&0x80 != 0,
	}
	if e.extents[0].block < block {
		return nil, nil, broken("a file that begins beyond the last block")
	}
	e.name = plainName(e.raw)
	e.mode = 0o444
	if e.dir {
		e.mode = fs.ModeDir | 0o555
	}
	return e, b[min(area, len(b)):], nil
}

// plainName is how a name without Rock Ridge is shown by Linux: in small letters,
// without version (;1) and trailing dot.
func plainName(raw string) string {
	if raw == "\x00" {
		return "."
	}
	if raw == "\x01" {
		return ".."
	}
	name, _, _ := strings.Cut(raw, ";")
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// recordTime reads ECMA-119 9.1.5.
func recordTime(b []byte) time.Time {
	zone := time.FixedZone("", int(int8(b[6]))*15*60)
	return time.Date(1900+int(b[0]), time.Month(b[1]), int(b[2]), int(b[3]), int(b[4]), int(b[5]), 0, zone).UTC()
}

// A field is one System Use Field, SUSP 4.1: its name and what comes after its head.
type field struct {
	name string
	data []byte
}

// fields calls each for every field of a System Use Area and of the areas that
// continue it (CE, SUSP 5.1). A chain of areas is followed so far and no farther.
func (v *Volume) fields(area []byte, each func(field) error) error {
	for areas := 0; ; areas++ {
		if areas > maxAreas {
			return broken("a directory record continued more than %d times", maxAreas)
		}
		var next []byte
		for len(area) >= 4 {
			n := int(area[2])
			if n < 4 || n > len(area) {
				break // padding, or nothing that can be read on
			}
			f := field{string(area[:2]), area[4:n]}
			area = area[n:]
			if f.name == "ST" {
				break
			}
			if f.name == "CE" {
				if len(f.data) < 24 {
					return broken("a continuation of %d bytes", len(f.data))
				}
				block, offset, length := both(f.data), both(f.data[8:]), both(f.data[16:])
				if length > sector || offset > sector {
					return broken("a directory record goes on for %d bytes at %d", length, offset)
				}
				next = make([]byte, length)
				if err := v.readAt(next, int64(block)*sector+int64(offset)); err != nil {
					return err
				}
				continue
			}
			if err := each(f); err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
		area = next
	}
}

// both reads a number that stands there in both byte orders (ECMA-119 7.3.3).
func both(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// rockRidge adds to an entry what its System Use Area says (IEEE P1282, 4.1).
func (v *Volume) rockRidge(e *entry, area []byte) error {
	if len(area) < v.skip {
		return nil
	}
	var name, link strings.Builder
	named, cont := false, false
	err := v.fields(area[v.skip:], func(f field) error {
		switch f.name {
		case "NM": // flags: 1 goes on, 2 is ".", 4 is ".."
			if len(f.data) > 1 && f.data[0]&0x06 == 0 {
				name.Write(f.data[1:])
				named = true
			}
		case "PX":
			if len(f.data) >= 4 {
				e.mode = unixMode(both(f.data))
			}
		case "CL": // a directory that was moved because it lay too deep
			if len(f.data) >= 4 {
				e.child, e.dir = both(f.data), true
			}
		case "RE":
			e.hidden = true
		case "SL":
			if len(f.data) > 1 {
				cont = addLink(&link, f.data[1:], cont)
			}
		}
		if name.Len() > maxName || link.Len() > 4*maxName {
			return broken("a name of more than %d bytes", maxName)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if named {
		e.name = name.String()
	}
	if e.mode&fs.ModeSymlink != 0 {
		e.link = link.String()
	}
	return nil
}

// addLink adds the components of a field SL (4.1.3.1) to a link's target; cont says
// that the last component goes on in this one.
func addLink(to *strings.Builder, b []byte, cont bool) (goesOn bool) {
	for len(b) >= 2 {
		flags, n := b[0], int(b[1])
		if n > len(b)-2 {
			return false
		}
		if to.Len() > 0 && !cont && !strings.HasSuffix(to.String(), "/") {
			to.WriteByte('/')
		}
		switch {
		case flags&0x02 != 0:
			to.WriteString(".")
		case flags&0x04 != 0:
			to.WriteString("..")
		case flags&0x08 != 0:
			to.WriteString("/")
		default:
			to.Write(b[2 : 2+n])
		}
		cont = flags&0x01 != 0
		b = b[2+n:]
	}
	return cont
}

// unixMode is a POSIX mode as Go has it.
func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & 0o170000 {
	case 0o040000:
		mode |= fs.ModeDir
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o100000, 0:
	default:
		mode |= fs.ModeIrregular // devices, sockets, pipes: nothing that is served
	}
	return mode
}

// valid reports whether a name can be a part of a path.
func valid(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%w: a file is called %.40q", ErrFormat, name)
	}
	return nil
}
