package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/installer/plan"
)

// sparse makes an image file of a disk with marks at places; negative places
// count from the end.
func sparse(t *testing.T, size int64, marks map[int64]string) Volume {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for at, text := range marks {
		if at < 0 {
			at += size
		}
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	return Volume{Name: "vda", Size: size, R: f}
}

func TestInspect(t *testing.T) {
	const size = 64 * plan.MiB
	mbr := strings.Repeat("\x00", 446) + "\x80\x00\x00\x00\x83" + strings.Repeat("\x00", 510-451) + "\x55\xaa"
	for _, c := range []struct {
		name  string
		marks map[int64]string
		want  string // "" for a blank disk
	}{
		{"blank", nil, ""},
		{"ext", map[int64]string{0x438: "\x53\xef", 0x478: "root"}, `ext file system "root"`},
		{"xfs", map[int64]string{0: "XFSB", 108: "data"}, `XFS file system "data"`},
		{"btrfs", map[int64]string{0x10040: "_BHRfS_M"}, "btrfs"},
		{"swap", map[int64]string{4086: "SWAPSPACE2"}, "swap"},
		{"lvm", map[int64]string{512: "LABELONE"}, "LVM physical volume"},
		{"lvm, the last place", map[int64]string{1536: "LABELONE"}, "LVM physical volume"},
		{"lvm1", map[int64]string{0: "HM\x01\x00"}, "LVM physical volume (LVM1)"},
		{"stratis", map[int64]string{528: "!Stra0tis\x86\xff\x02^\x41rh"}, "Stratis"},
		{"gfs2", map[int64]string{0x10000: "\x01\x16\x19\x70"}, "GFS2"},
		{"md 1.1", map[int64]string{0: "\xfc\x4e\x2b\xa9"}, "RAID member (md)"},
		{"luks", map[int64]string{0: "LUKS\xba\xbe"}, "LUKS"},
		{"md 1.2", map[int64]string{4096: "\xfc\x4e\x2b\xa9", 4096 + 32: "box:0"}, `RAID member (md) "box:0"`},
		{"md 1.0", map[int64]string{-8192: "\xfc\x4e\x2b\xa9"}, "RAID member (md)"},
		{"md 0.90", map[int64]string{-65536: "\xfc\x4e\x2b\xa9"}, "RAID member (md)"},
		{"gpt", map[int64]string{512: "EFI PART"}, "GPT partition table"},
		{"gpt of 4096", map[int64]string{4096: "EFI PART"}, "GPT partition table"},
		{"gpt, backup only", map[int64]string{-512: "EFI PART"}, "GPT partition table"},
		{"mbr", map[int64]string{0: mbr}, "MBR partition table"},
		{"zfs", map[int64]string{128<<10 + 5<<10: "\x0c\xb1\xba\x00\x00\x00\x00\x00"}, "ZFS"},
		{"fat", map[int64]string{0x52: "FAT32   ", 510: "\x55\xaa"}, "FAT file system"},
		{"intel raid", map[int64]string{-1024: "Intel Raid ISM Cfg Sig. 1"}, "firmware RAID (Intel)"},
		{"something at the start", map[int64]string{plan.MiB - 1: "x"}, "unknown data in its first MiB"},
		{"something at the end", map[int64]string{-1: "x"}, "unknown data in its last MiB"},
	} {
		found, err := Inspect([]Volume{sparse(t, size, c.marks)})
		if got := strings.Join(found, "; "); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestInspectPartitions(t *testing.T) {
	disk := sparse(t, 64*plan.MiB, map[int64]string{512: "EFI PART"})
	one := sparse(t, 8*plan.MiB, map[int64]string{0x438: "\x53\xef"})
	one.Name = "vda1"
	two := sparse(t, 8*plan.MiB, nil)
	two.Name = "vda2"
	found, err := Inspect([]Volume{disk, one, two})
	if got := strings.Join(found, "; "); err != nil || got != "GPT partition table; vda1: ext file system; vda2: a partition" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRefuse(t *testing.T) {
	err := Refuse(plan.Disk{Name: "sda", Size: 480e9, Model: "SSD", Serial: "S1"}, []string{"swap"}, "")
	want := "disk sda (480.0 GB, SSD, serial S1) carries data: swap. Nothing was written. To erase it, run `rackhand install HOST --wipe`"
	if err.Error() != want || plan.FailKind(err) != plan.FailDisk || plan.FailFields(err)["disk"] != "sda (480.0 GB, SSD, serial S1)" || plan.FailFields(err)["found"] != "swap" {
		t.Errorf("got %s %v %q", plan.FailKind(err), plan.FailFields(err), err)
	}
	err = Refuse(plan.Disk{Name: "sda"}, []string{"ext4"}, "clearpart --none")
	if !strings.Contains(err.Error(), "The Kickstart (clearpart --none) doesn't have whole disks cleared, so that --wipe doesn't hold") {
		t.Errorf("got %v", err)
	}
}

// The table is read back by the format's own rules: both headers and their
// checksums, by the guard's probe and byte for byte where it matters.
func TestGPT(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		v := sparse(t, 64*plan.MiB, nil)
		table := plan.Table{
			GUID: "00112233-4455-6677-8899-aabbccddeeff", Size: v.Size, Sector: sector,
			Parts: []plan.TablePart{{Type: plan.TypeEFI, GUID: "01112233-4455-6677-8899-aabbccddeeff", Name: "boot/efi", Start: plan.MiB, Length: 10 * plan.MiB}},
		}
		f := v.R.(*os.File)
		if err := WriteTable(table, f); err != nil {
			t.Fatal(err)
		}
		checkGPT(t, f, v.Size, int64(sector))
		b := make([]byte, 128)
		if _, err := f.ReadAt(b, 2*int64(sector)); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, []byte{0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b}) {
			t.Errorf("the type on disk is %x", b[:16])
		}
		if got := le64(b[32:]) * uint64(sector); got != uint64(plan.MiB) {
			t.Errorf("the partition starts at %d", got)
		}
		if got := (le64(b[40:]) + 1) * uint64(sector); got != uint64(11*plan.MiB) {
			t.Errorf("the partition ends at %d", got)
		}
	}
}

func TestGPTErrors(t *testing.T) {
	v := sparse(t, 64*plan.MiB, nil)
	f := v.R.(*os.File)
	good := plan.Table{GUID: "00112233-4455-6677-8899-aabbccddeeff", Size: v.Size, Sector: 512}
	bad := good
	bad.GUID = "x"
	many := good
	many.Parts = make([]plan.TablePart, 129)
	for _, table := range []plan.Table{bad, many} {
		if err := WriteTable(table, f); err == nil {
			t.Error("a table that can't be was written")
		}
	}
}

func TestSwapHeader(t *testing.T) {
	b, err := swapHeader(plan.Content{UUID: "00112233-4455-6677-8899-aabbccddeeff", Length: 16 * plan.MiB, Label: "swp"})
	if err != nil {
		t.Fatal(err)
	}
	found, err := probe(bytes.NewReader(append(b, make([]byte, 16*plan.MiB-4096)...)), 16*plan.MiB)
	if err != nil || strings.Join(found, ";") != `swap "swp"` {
		t.Errorf("%v, %v", found, err)
	}
	if pages := le64(b[1028:]) & 0xffffffff; pages != 4095 {
		t.Errorf("the last page is %d, want 4095", pages)
	}
	if _, err := swapHeader(plan.Content{UUID: "x"}); err == nil {
		t.Error("a UUID that is none was taken")
	}
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte("XFSB"), int64(0))
	f.Add([]byte("\x53\xef"), int64(0x438))
	f.Fuzz(func(t *testing.T, text []byte, at int64) {
		const size = 3 * plan.MiB
		disk := make([]byte, size)
		copy(disk[(at%size+size)%size:], text)
		found, err := Inspect([]Volume{{"vda", size, bytes.NewReader(disk)}})
		if err != nil {
			t.Fatal(err)
		}
		ends := append(bytes.Clone(disk[:plan.MiB]), disk[2*plan.MiB:]...)
		if len(bytes.Trim(ends, "\x00")) > 0 && len(found) == 0 {
			t.Error("data at an end of the disk was not seen")
		}
	})
}
