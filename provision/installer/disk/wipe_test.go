package disk

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"rackhand/provision/installer/plan"
)

// Partitions are found by either GPT alone and by the MBR; nonsense finds none.
func TestOldPlaces(t *testing.T) {
	const size = 64 * plan.MiB
	table := plan.Table{GUID: "01234567-0000-4000-8000-000000000001", Size: size, Sector: 512, Parts: []plan.TablePart{
		{Type: plan.TypeRAID, GUID: "01234567-0000-4000-8000-000000000002", Start: plan.MiB, Length: 2 * plan.MiB}, {Type: plan.TypeLVM, GUID: "01234567-0000-4000-8000-000000000003", Start: 8 * plan.MiB, Length: 40 * plan.MiB},
	}}
	want := []region{{plan.MiB, 2 * plan.MiB}, {8 * plan.MiB, 40 * plan.MiB}}
	for name, damage := range map[string]int64{"the first is damaged": 512, "the backup is damaged": size - 512} {
		v := sparse(t, size, nil)
		f := v.R.(*os.File)
		if err := WriteTable(table, f); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, 512), damage); err != nil {
			t.Fatal(err)
		}
		if got := oldRegions(f, size); !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	mbr := make([]byte, 512)
	mbr[446+4], mbr[510], mbr[511] = 0x8e, 0x55, 0xaa
	binary.LittleEndian.PutUint32(mbr[446+8:], 2048)
	binary.LittleEndian.PutUint32(mbr[446+12:], 1<<30) // more than the disk has
	if got := oldRegions(sparse(t, size, map[int64]string{0: string(mbr)}).R, size); !slices.Equal(got, []region{{plan.MiB, size - plan.MiB}}) {
		t.Errorf("MBR: %v", got)
	}
	if got := oldRegions(sparse(t, size, map[int64]string{512: "EFI PART\xff\xff\xff\xff"}).R, size); len(got) > 0 {
		t.Errorf("nonsense: %v", got)
	}
}

// Both ends of every place are zeros afterwards, and nothing else is touched.
func TestZeroPlace(t *testing.T) {
	v := sparse(t, 32*plan.MiB, map[int64]string{8*plan.MiB - 1: "x", 8 * plan.MiB: "y", 20*plan.MiB - 1: "z", 20 * plan.MiB: "x", 13 * plan.MiB: "x"})
	f := v.R.(*os.File)
	if err := zeroRegion(f, region{8 * plan.MiB, 12 * plan.MiB}); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]byte{8*plan.MiB - 1: 'x', 8 * plan.MiB: 0, 20*plan.MiB - 1: 0, 20 * plan.MiB: 'x', 13 * plan.MiB: 'x'} {
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil || b[0] != want {
			t.Errorf("at %d: %q, %v", at, b, err)
		}
	}
}

func FuzzOldRegions(f *testing.F) {
	f.Add([]byte("EFI PART"), int64(512))
	f.Fuzz(func(t *testing.T, text []byte, at int64) {
		const size = 2 * plan.MiB
		disk := make([]byte, size)
		copy(disk[(at%size+size)%size:], text)
		for _, p := range oldRegions(bytes.NewReader(disk), size) {
			if p.start < 0 || p.length <= 0 || p.start+p.length > size {
				t.Errorf("%+v is not on the disk", p)
			}
		}
	})
}
