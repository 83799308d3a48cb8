package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	smart "github.com/anatol/smart.go"
	"golang.org/x/sys/unix"

	"rackhand/provision/installer/plan"
)

// A blockMedium is a disk of this machine.
type blockMedium struct {
	*os.File
	name string
}

// openMedium opens a disk exclusively. The kernel refuses one that is mounted or part of an
// array (O_EXCL, open(2)).
func openMedium(d plan.Disk) (medium, error) {
	f, err := os.OpenFile("/dev/"+d.Name, os.O_RDWR|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &blockMedium{f, d.Name}, nil
}

func (b *blockMedium) close() error { return b.Close() }

func (b *blockMedium) sync() error {
	if err := b.Sync(); err != nil {
		return err
	}
	return blockIoctl(b.File, unix.BLKFLSBUF, nil)
}

func (b *blockMedium) secureDiscard(off, n int64) error { return b.ranged(unix.BLKSECDISCARD, off, n) }
func (b *blockMedium) zeroOut(off, n int64) error       { return b.ranged(unix.BLKZEROOUT, off, n) }

// ranged is an ioctl of linux/fs.h that takes start and length in bytes.
func (b *blockMedium) ranged(req uint, off, n int64) error {
	r := [2]uint64{uint64(off), uint64(n)}
	err := blockIoctl(b.File, req, unsafe.Pointer(&r))
	if off == 0 && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL)) {
		return errUnsupported
	}
	return err
}

func blockIoctl(f *os.File, req uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(req), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// nvmeAdminCmd is struct nvme_admin_cmd of linux/nvme_ioctl.h.
type nvmeAdminCmd struct {
	opcode, flags                          uint8
	_                                      uint16
	nsid, cdw2, cdw3                       uint32
	metadata, addr                         uint64
	metadataLen, dataLen                   uint32
	cdw10, cdw11, cdw12, cdw13, cdw14, c15 uint32
	timeoutMS, result                      uint32
}

const (
	nvmeIoctlID    = 0x4e40     // _IO('N', 0x40)
	nvmeIoctlAdmin = 0xc0484e41 // _IOWR('N', 0x41, struct nvme_admin_cmd)
	nvmeFormat     = 0x80       // Format NVM (NVM Express Base Specification, 5.14)
	nvmeTimeoutMS  = 6 * 3600 * 1000
)

// format erases an NVMe disk by Format NVM with a secure erase, of the key if the disk
// encrypts its data, otherwise of the data.
func (b *blockMedium) format() (string, error) {
	if len(b.name) < 4 || b.name[:4] != "nvme" {
		return "", errUnsupported
	}
	dev, err := smart.OpenNVMe("/dev/" + b.name)
	if err != nil {
		return "", errUnsupported
	}
	defer dev.Close()
	ctrl, spaces, err := dev.Identify()
	if err != nil {
		return "", fmt.Errorf("identify the disk: %w", err)
	}
	id, _, errno := unix.Syscall(unix.SYS_IOCTL, b.Fd(), nvmeIoctlID, 0)
	if errno != 0 || int(id) < 1 {
		return "", errUnsupported
	}
	// One namespace only: formatting may cover all of them (FNA), and the order names one.
	if ctrl.Oacs&2 == 0 || len(spaces) != 1 || !onlyNamespace("/sys", b.name) {
		return "", errUnsupported
	}
	ses, how := uint32(1), "NVMe format with erasure of the data"
	if ctrl.Fna&4 != 0 {
		ses, how = 2, "NVMe format with erasure of the key"
	}
	cmd := nvmeAdminCmd{opcode: nvmeFormat, nsid: uint32(id), cdw10: formatWord(spaces[0].Flbas, spaces[0].Dps, ses), timeoutMS: nvmeTimeoutMS}
	status, _, errno := unix.Syscall(unix.SYS_IOCTL, b.Fd(), nvmeIoctlAdmin, uintptr(unsafe.Pointer(&cmd)))
	switch {
	case errno != 0:
		return "", fmt.Errorf("format the disk: %w", errno)
	case status != 0:
		return "", fmt.Errorf("format the disk: it answers with NVMe status %#x", status)
	}
	return how, nil
}

// formatWord is command dword 10: the format that the namespace has (its index and
// whether metadata lies within), its protection, and the kind of secure erase.
func formatWord(flbas, dps uint8, ses uint32) uint32 {
	return uint32(flbas)&0xf | uint32(flbas)>>4&1<<4 | uint32(dps)&7<<5 | uint32(dps)>>3&1<<8 | ses<<9 | uint32(flbas)>>5&3<<12
}

// onlyNamespace reports whether a disk is the only one of its controller.
func onlyNamespace(sys, name string) bool {
	dir, err := filepath.EvalSymlinks(filepath.Join(sys, "block", name, "device"))
	if err != nil {
		return false
	}
	others, err := filepath.Glob(filepath.Join(dir, "nvme*n*"))
	return err == nil && len(others) == 1
}
