package disk

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"rackhand/provision/installer/plan"
)

// wipeSpan is how much is overwritten at each end of a device. All signatures lie there:
// partition tables and their backup, file systems, LVM's labels, md's superblocks of every
// version, firmware RAID, and 1 MiB into the device the data of an md array.
const wipeSpan = 4 * plan.MiB

// ZeroEnds overwrites both ends of a device of size bytes and waits until that is on disk.
func ZeroEnds(dev string, size int64) error {
	f, err := os.OpenFile(dev, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return zeroRegion(f, region{0, size})
}

// A region is a stretch of a device, in bytes.
type region struct{ start, length int64 }

func zeroRegion(f *os.File, p region) error {
	n := min(wipeSpan, p.length)
	zero := make([]byte, n)
	for _, at := range []int64{p.start, p.start + p.length - n} {
		if _, err := f.WriteAt(zero, at); err != nil {
			return err
		}
	}
	return f.Sync()
}

// oldRegions are the partitions in a disk's tables, both GPTs and the MBR, whether or not the
// kernel accepts them. The kernel shows no partitions of a damaged table, but their
// signatures would reappear in a new partition at the same place.
func oldRegions(r io.ReaderAt, size int64) []region {
	var out []region
	add := func(start, length int64) {
		if start >= 0 && length > 0 && start < size {
			out = append(out, region{start, min(length, size-start)})
		}
	}
	for _, sector := range []int64{512, 4096} {
		for _, at := range []int64{sector, size - sector} {
			h := make([]byte, 92)
			if at < 0 || !readFull(r, h, at) || string(h[:8]) != "EFI PART" {
				continue
			}
			le := binary.LittleEndian
			from, count, each := int64(le.Uint64(h[72:])), int64(le.Uint32(h[80:])), int64(le.Uint32(h[84:]))
			if from <= 0 || from > size/sector || each < 128 || each > 4096 {
				continue
			}
			for i := range min(count, 1024) {
				e := make([]byte, 48)
				if !readFull(r, e, from*sector+i*each) {
					break
				}
				first, last := int64(le.Uint64(e[32:])), int64(le.Uint64(e[40:]))
				if [16]byte(e[:16]) != [16]byte{} && first > 0 && last >= first && last < size/sector+1 {
					add(first*sector, (last-first+1)*sector)
				}
			}
		}
	}
	mbr := make([]byte, 512)
	if readFull(r, mbr, 0) && mbr[510] == 0x55 && mbr[511] == 0xaa && plausibleMBR(mbr) {
		for i := range 4 {
			e := mbr[446+16*i:]
			if e[4] != 0 && e[4] != 0xee {
				add(int64(binary.LittleEndian.Uint32(e[8:]))*512, int64(binary.LittleEndian.Uint32(e[12:]))*512)
			}
		}
	}
	return out
}

func readFull(r io.ReaderAt, b []byte, at int64) bool {
	n, err := r.ReadAt(b, at)
	return n == len(b) && (err == nil || errors.Is(err, io.EOF))
}

// WipeSignatures removes the signatures of a disk: at its ends, and at the ends of every
// partition that the kernel or a table knows.
func WipeSignatures(d plan.Disk) error {
	for name, size := range KernelPartitions(d.Name) {
		if err := ZeroEnds("/dev/"+name, size); err != nil {
			return err
		}
	}
	f, err := os.OpenFile("/dev/"+d.Name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range append(oldRegions(f, d.Size), region{0, d.Size}) {
		if err := zeroRegion(f, p); err != nil {
			return err
		}
	}
	return nil
}
