package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"

	"golang.org/x/sys/unix"
)

// KernelPartitions are the partitions of a disk that the kernel knows, with their sizes in
// bytes.
func KernelPartitions(disk string) map[string]int64 {
	out := map[string]int64{}
	dirs, _ := filepath.Glob("/sys/block/" + disk + "/" + disk + "*/partition")
	for _, f := range dirs {
		dir := filepath.Dir(f)
		out[filepath.Base(dir)] = kernel.ReadInt(dir+"/size") * 512
	}
	return out
}

// AddPartition adds a partition to the kernel's list (BLKPG_ADD_PARTITION, linux/blkpg.h).
func AddPartition(disk *os.File, number int, p plan.TablePart) error {
	part := unix.BlkpgPartition{Start: p.Start, Length: p.Length, Pno: int32(number)}
	arg := unix.BlkpgIoctlArg{
		Op: unix.BLKPG_ADD_PARTITION, Datalen: int32(unsafe.Sizeof(part)), Data: (*byte)(unsafe.Pointer(&part)),
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, disk.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return errno
	}
	return nil
}

// OpenVolumes opens a disk and its partitions for Inspect. The function closes them, also
// after an error.
func OpenVolumes(d plan.Disk) ([]Volume, func(), error) {
	var (
		vols  []Volume
		files []*os.File
	)
	closeAll := func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	sizes := map[string]int64{d.Name: d.Size}
	names := []string{d.Name}
	for name, size := range KernelPartitions(d.Name) {
		names, sizes[name] = append(names, name), size
	}
	slices.SortFunc(names, kernel.CompareNames) // the disk first, vda2 before vda10
	for _, name := range names {
		f, err := os.Open("/dev/" + name)
		if err != nil {
			if name != d.Name && (errors.Is(err, unix.ENXIO) || os.IsNotExist(err)) {
				continue
			}
			return nil, closeAll, err
		}
		files = append(files, f)
		vols = append(vols, Volume{Name: name, Size: sizes[name], R: f})
	}
	return vols, closeAll, nil
}

// WaitFor waits until a device node exists, for limit at most.
func WaitFor(ctx context.Context, path string, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not appear", path)
		}
		if err := (report.RealClock{}).Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// DeviceSize is the size of a block device in bytes.
func DeviceSize(dev string) (int64, error) {
	f, err := os.Open(dev)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Seek(0, 2)
}

// Write opens a disk for write, and waits until the data is on the disk.
func Write(d plan.Disk, write func(io.WriterAt) error) error {
	f, err := os.OpenFile("/dev/"+d.Name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	return f.Sync()
}
