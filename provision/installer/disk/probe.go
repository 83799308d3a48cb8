package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"rackhand/provision/installer/plan"
)

// A signature is a mark that a partition table, file system or volume manager has at a fixed
// place.
type signature struct {
	name  string
	at    int64 // from the start; negative: from the end
	magic string
	label int64 // where a label of labelLen bytes is, from the same end; 0 for none
	size  int64
}

// signatures are the known ones, with the places from the formats' definitions and libblkid.
func signatures() []signature {
	s := []signature{
		{name: "LUKS", at: 0, magic: "LUKS\xba\xbe"},
		{name: "XFS file system", at: 0, magic: "XFSB", label: 108, size: 12},
		{name: "btrfs", at: 0x10040, magic: "_BHRfS_M", label: 0x1012b, size: 64},
		{name: "swap", at: 4086, magic: "SWAPSPACE2", label: 1052, size: 16},
		{name: "NTFS", at: 3, magic: "NTFS    "},
		{name: "exFAT", at: 3, magic: "EXFAT   "},
		{name: "FAT file system", at: 0x52, magic: "FAT32", label: 0x47, size: 11},
		{name: "FAT file system", at: 0x36, magic: "FAT1", label: 0x2b, size: 11},
		{name: "ISO 9660", at: 0x8001, magic: "CD001", label: 0x8028, size: 32},
		{name: "squashfs", at: 0, magic: "hsqs"},
		{name: "bcache", at: 0x1018, magic: "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"},
		{name: "VMFS", at: 0x200000 + 0x0, magic: "\x5e\xf1\xab\x2f"},
		{name: "RAID member (md)", at: 0, magic: "\xfc\x4e\x2b\xa9", label: 32, size: 32},
		{name: "RAID member (md)", at: 4096, magic: "\xfc\x4e\x2b\xa9", label: 4096 + 32, size: 32},
		{name: "LVM physical volume (LVM1)", at: 0, magic: "HM\x01\x00"},
		{name: "LVM physical volume (LVM1)", at: 0, magic: "HM\x02\x00"},
		{name: "Ceph BlueStore", at: 0, magic: "bluestore block device"},
		{name: "Stratis", at: 528, magic: "!Stra0tis\x86\xff\x02^\x41rh"},
		{name: "VDO", at: 0, magic: "dmvdo001"},
		{name: "JFS", at: 0x8000, magic: "JFS1"},
		{name: "ReiserFS", at: 0x10034, magic: "ReIsEr"},
		{name: "f2fs", at: 0x400, magic: "\x10\x20\xf5\xf2"},
		{name: "GFS2", at: 0x10000, magic: "\x01\x16\x19\x70"},
		{name: "firmware RAID (Intel)", at: -1024, magic: "Intel Raid ISM Cfg Sig. "},
		{name: "firmware RAID (DDF)", at: -512, magic: "\xde\x11\xde\x11"},
	}
	for _, sector := range []int64{0, 512, 1024, 1536} {
		s = append(s, signature{name: "LVM physical volume", at: sector, magic: "LABELONE"})
	}
	for i := range int64(128) { // one of the 128 uberblocks of a label
		for _, magic := range []string{"\x0c\xb1\xba\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\xba\xb1\x0c"} {
			s = append(s, signature{name: "ZFS", at: 128<<10 + i<<10, magic: magic})
		}
	}
	return s
}

// probe lists what a disk or partition carries by its signatures; nil without any. Names are
// unique and in the order of the table.
func probe(r io.ReaderAt, size int64) ([]string, error) {
	head, err := readPart(r, 0, min(size, 2*plan.MiB+4096))
	if err != nil {
		return nil, err
	}
	tailAt := max(0, size-plan.MiB)
	tail, err := readPart(r, tailAt, size-tailAt)
	if err != nil {
		return nil, err
	}
	var out []string
	add := func(name string) {
		for _, o := range out {
			if strings.HasPrefix(o, name) || strings.HasPrefix(name, o) {
				return
			}
		}
		out = append(out, name)
	}
	for _, sector := range []int{512, 4096} {
		if at(head, int64(sector), "EFI PART") || at(tail, int64(len(tail)-sector), "EFI PART") {
			add("GPT partition table")
		}
	}
	if len(out) == 0 && at(head, 510, "\x55\xaa") && plausibleMBR(head) {
		add("MBR partition table")
	}
	if at(head, 0x438, "\x53\xef") {
		add("ext file system" + label(head, 0x478, 16))
	}
	for _, s := range signatures() {
		where, from := head, s.at
		if s.at < 0 {
			where, from = tail, int64(len(tail))+s.at
		}
		if at(where, from, s.magic) {
			name := s.name
			if s.size > 0 {
				name += label(where, s.label, int(s.size))
			}
			add(name)
		}
	}
	if md := mdAtEnd(r, size); md {
		add("RAID member (md)")
	}
	return out, nil
}

// mdAtEnd looks for the superblocks of md that lie near the end: version 0.90 in
// the last whole 64 KiB, version 1.0 at least 8 KiB before the end.
func mdAtEnd(r io.ReaderAt, size int64) bool {
	for _, where := range []int64{size&^(64<<10-1) - 64<<10, (size/512 - 16) &^ 7 * 512} {
		var b [4]byte
		if where <= 0 {
			continue
		}
		if _, err := r.ReadAt(b[:], where); err == nil && binary.LittleEndian.Uint32(b[:]) == 0xa92b4efc {
			return true
		}
	}
	return false
}

func readPart(r io.ReaderAt, from, n int64) ([]byte, error) {
	b := make([]byte, n)
	got, err := r.ReadAt(b, from)
	if err != nil && (err != io.EOF || int64(got) < n) {
		return nil, fmt.Errorf("read %d bytes at %d: %w", n, from, err)
	}
	return b, nil
}

func at(b []byte, off int64, magic string) bool {
	return off >= 0 && off+int64(len(magic)) <= int64(len(b)) && string(b[off:off+int64(len(magic))]) == magic
}

func label(b []byte, off int64, n int) string {
	if off+int64(n) > int64(len(b)) {
		return ""
	}
	raw, _, _ := bytes.Cut(b[off:off+int64(n)], []byte{0})
	s := strings.TrimSpace(string(raw))
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return fmt.Sprintf(" %q", s)
}

// plausibleMBR reports whether a sector is a partition table. A FAT boot sector ends in 55 AA
// as well; in a table each entry's status is 0 or 80, and at least one has a type.
func plausibleMBR(head []byte) bool {
	used := false
	for i := range 4 {
		e := head[446+16*i:]
		if e[0] != 0 && e[0] != 0x80 {
			return false
		}
		used = used || e[4] != 0
	}
	return used
}
