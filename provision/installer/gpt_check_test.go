package installer

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"
)

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// checkGPT reads a table by the UEFI specification 5.3.2: signature, both CRCs,
// and that the two headers name each other.
func checkGPT(t *testing.T, r io.ReaderAt, size, sector int64) {
	t.Helper()
	last := size/sector - 1
	for _, lba := range []int64{1, last} {
		h := make([]byte, sector)
		if _, err := r.ReadAt(h, lba*sector); err != nil {
			t.Fatal(err)
		}
		sum := binary.LittleEndian.Uint32(h[16:])
		binary.LittleEndian.PutUint32(h[16:], 0)
		entries := make([]byte, 128*128)
		if _, err := r.ReadAt(entries, int64(le64(h[72:]))*sector); err != nil {
			t.Fatal(err)
		}
		switch {
		case string(h[:8]) != "EFI PART":
			t.Errorf("no header at %d", lba)
		case crc32.ChecksumIEEE(h[:92]) != sum:
			t.Errorf("the header's checksum at %d is wrong", lba)
		case crc32.ChecksumIEEE(entries) != binary.LittleEndian.Uint32(h[88:]):
			t.Errorf("the entries' checksum at %d is wrong", lba)
		case int64(le64(h[24:])) != lba || int64(le64(h[32:])) != 1+last-lba:
			t.Errorf("the headers don't name each other: %d, %d", le64(h[24:]), le64(h[32:]))
		case int64(le64(h[40:]))*sector > mib || int64(le64(h[48:]))*sector < size-mib:
			t.Errorf("usable from %d to %d", le64(h[40:]), le64(h[48:]))
		}
	}
}
