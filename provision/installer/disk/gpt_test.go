package disk

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"testing"

	"rackhand/provision/installer/plan"
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
		case int64(le64(h[40:]))*sector > plan.MiB || int64(le64(h[48:]))*sector < size-plan.MiB:
			t.Errorf("usable from %d to %d", le64(h[40:]), le64(h[48:]))
		}
	}
}

// TestUnfinished: a table says that its install isn't done until it is rewritten, which
// leaves GRUB's code in the first sector alone.
func TestUnfinished(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		const size = 64 * plan.MiB
		table := plan.Table{
			GUID: "11111111-2222-4333-8444-555555555555", Size: size, Sector: sector,
			Parts: []plan.TablePart{{Type: plan.TypeBIOS, GUID: "11111111-2222-4333-8444-555555555556", Name: "biosboot", Start: plan.MiB, Length: plan.MiB}},
		}
		disk := sparse(t, size, nil).R.(*os.File)
		unfinished := func() bool {
			t.Helper()
			is, err := IsUnfinished(disk, sector)
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		if unfinished() {
			t.Error("a blank disk is unfinished")
		}
		if err := WriteTable(Unfinished(table), disk); err != nil {
			t.Fatal(err)
		}
		checkGPT(t, disk, size, int64(sector))
		if !unfinished() {
			t.Error("an install that isn't done doesn't say so")
		}
		if _, err := disk.WriteAt([]byte("GRUB"), 0); err != nil {
			t.Fatal(err)
		}
		if err := RewriteTable(table, disk); err != nil {
			t.Fatal(err)
		}
		checkGPT(t, disk, size, int64(sector))
		first := make([]byte, 4)
		if _, err := disk.ReadAt(first, 0); err != nil {
			t.Fatal(err)
		}
		if unfinished() || string(first) != "GRUB" {
			t.Errorf("finished: %v, first sector %q", !unfinished(), first)
		}
	}
	if n := len(utf16le(unfinishedName)); n != 72 {
		t.Errorf("the name has %d bytes, and an entry room for 72", n)
	}
}
