package disk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"rackhand/provision/installer/plan"
)

const (
	gptEntries   = 128
	gptEntrySize = 128
)

// unfinishedName is the first partition's name (36 characters, the most that fit) until the
// install is done. It distinguishes an attempt that was cut off from a system whose last
// report was lost.
const unfinishedName = "rackhand: this install is unfinished"

// Unfinished marks a table: its install isn't done.
func Unfinished(t plan.Table) plan.Table {
	t.Parts = slices.Clone(t.Parts)
	if len(t.Parts) > 0 {
		t.Parts[0].Name = unfinishedName
	}
	return t
}

// IsUnfinished reports whether a disk has the table of an install that isn't done.
func IsUnfinished(r io.ReaderAt, sector int) (bool, error) {
	b := make([]byte, gptEntrySize)
	if _, err := r.ReadAt(b, 2*int64(sector)); err != nil {
		return false, err
	}
	return bytes.Equal(b[56:], utf16le(unfinishedName)), nil
}

// WriteTable writes a table to a disk: the backup first, then the entries, and last the
// primary header and the protective MBR, which make the disk bootable.
func WriteTable(t plan.Table, w io.WriterAt) error {
	if err := RewriteTable(t, w); err != nil {
		return err
	}
	_, err := w.WriteAt(protectiveMBR(t.Size/int64(t.Sector)-1, t.Sector), 0)
	return err
}

// RewriteTable is WriteTable without the first sector, which has GRUB's own code by then.
func RewriteTable(t plan.Table, w io.WriterAt) error {
	entries, err := tableEntries(t)
	if err != nil {
		return err
	}
	sector := int64(t.Sector)
	last := t.Size/sector - 1
	entrySectors := (int64(len(entries)) + sector - 1) / sector
	guid, err := guidBytes(t.GUID)
	if err != nil {
		return err
	}
	header := func(at, other, entriesAt int64) []byte {
		h := make([]byte, sector)
		copy(h, "EFI PART")
		le := binary.LittleEndian
		le.PutUint32(h[8:], 0x00010000)
		le.PutUint32(h[12:], 92)
		le.PutUint64(h[24:], uint64(at))
		le.PutUint64(h[32:], uint64(other))
		le.PutUint64(h[40:], uint64(2+entrySectors))
		le.PutUint64(h[48:], uint64(last-entrySectors-1))
		copy(h[56:], guid)
		le.PutUint64(h[72:], uint64(entriesAt))
		le.PutUint32(h[80:], gptEntries)
		le.PutUint32(h[84:], gptEntrySize)
		le.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
		le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
		return h
	}
	for _, piece := range []struct {
		at   int64
		data []byte
	}{
		{(last - entrySectors) * sector, entries},
		{last * sector, header(last, 1, last-entrySectors)},
		{2 * sector, entries},
		{sector, header(1, last, 2)},
	} {
		if _, err := w.WriteAt(piece.data, piece.at); err != nil {
			return err
		}
	}
	return nil
}

func tableEntries(t plan.Table) ([]byte, error) {
	if len(t.Parts) > gptEntries {
		return nil, fmt.Errorf("%d partitions are more than a GPT holds", len(t.Parts))
	}
	out := make([]byte, gptEntries*gptEntrySize)
	le := binary.LittleEndian
	for i, p := range t.Parts {
		e := out[i*gptEntrySize:]
		kind, err := guidBytes(p.Type)
		if err != nil {
			return nil, err
		}
		guid, err := guidBytes(p.GUID)
		if err != nil {
			return nil, err
		}
		copy(e, kind)
		copy(e[16:], guid)
		le.PutUint64(e[32:], uint64(p.Start/int64(t.Sector)))
		le.PutUint64(e[40:], uint64((p.Start+p.Length)/int64(t.Sector)-1))
		copy(e[56:gptEntrySize], utf16le(p.Name))
	}
	return out, nil
}

// utf16le is a partition's name in its form on disk, cut when it is too long.
func utf16le(name string) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(name)) {
		out = binary.LittleEndian.AppendUint16(out, c)
	}
	return out[:min(len(out), gptEntrySize-56)]
}

func protectiveMBR(last int64, sector int) []byte {
	b := make([]byte, sector)
	e := b[446:]
	copy(e, []byte{0, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(e[8:], 1)
	binary.LittleEndian.PutUint32(e[12:], uint32(min(last, 0xffffffff)))
	b[510], b[511] = 0x55, 0xaa
	return b
}

// guidBytes is a GUID in its mixed-endian form on disk.
func guidBytes(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return nil, fmt.Errorf("%q is not a GUID", s)
	}
	for _, r := range [][2]int{{0, 4}, {4, 6}, {6, 8}} {
		for i, j := r[0], r[1]-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
	return bytes.Clone(b), nil
}
