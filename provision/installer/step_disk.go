package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/disk"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

func (m *machine) doGuard(_ context.Context, s plan.GuardStep) error {
	if uses := disk.Uses("/sys", "/proc", s.Disk); len(uses) > 0 {
		return disk.RefuseInUse(s.Disk, uses)
	}
	vols, closeAll, err := disk.OpenVolumes(s.Disk)
	defer closeAll()
	if err != nil {
		return err
	}
	found, err := disk.Inspect(vols)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		m.Event(report.Event{Kind: "disk", Message: fmt.Sprintf("disk %s is blank", s.Disk)})
	case s.Overwritable: // before s.Wipe, which is about data from before this install
		cut, err := disk.IsUnfinished(vols[0].R, s.Disk.Sector)
		if err != nil {
			return err
		}
		if !cut {
			return disk.Refuse(s.Disk, append(found, "a system that an earlier attempt of this install has finished"), s.Keep)
		}
		m.Event(report.Event{Kind: "disk-wiped", Level: "warn", Message: fmt.Sprintf(
			"disk %s carries data of an earlier attempt of this install, and is overwritten: %s", s.Disk, strings.Join(found, "; "))})
	case s.Wipe:
		m.Event(report.Event{Kind: "disk-wiped", Level: "warn", Message: fmt.Sprintf(
			"disk %s carries data and is wiped, as asked: %s", s.Disk, strings.Join(found, "; "))})
	default:
		return disk.Refuse(s.Disk, found, s.Keep)
	}
	return nil
}

// kindDisksBlank is provision.KindDisksBlank: the message has the disks' ids.
const kindDisksBlank = "disks-blank"

func (m *machine) doBlank(_ context.Context, s plan.BlankStep) error {
	var ids []string
	for _, d := range s.Disks {
		if id := d.ID(); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		m.Event(report.Event{Kind: kindDisksBlank, Message: strings.Join(ids, " ")})
	}
	return nil
}

func (m *machine) doPartition(ctx context.Context, s plan.PartitionStep) error {
	dev := "/dev/" + s.Disk.Name
	m.touched = append(m.touched, dev)
	if err := disk.WipeSignatures(s.Disk); err != nil { // so that old signatures don't reappear
		return err
	}
	f, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// the disk has no table now: reading it again drops the old partitions
	if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0); err != nil && err != unix.EINVAL {
		return fmt.Errorf("%s: its old partitions are in use: %w", dev, err)
	}
	for i, p := range s.Table.Parts {
		if err := disk.AddPartition(f, i+1, p); err != nil {
			return fmt.Errorf("%s: tell the kernel of partition %d: %w", dev, i+1, err)
		}
	}
	for i, p := range s.Table.Parts {
		part := "/dev/" + s.Disk.PartitionName(i+1)
		if err := disk.WaitFor(ctx, part, 5*time.Second); err != nil {
			return err
		}
		if err := disk.ZeroEnds(part, p.Length); err != nil {
			return err
		}
		m.touched = append(m.touched, part)
	}
	m.Con.Printf("%s", s)
	return nil
}

func (m *machine) doTable(_ context.Context, s plan.TableStep) error {
	if err := disk.Write(s.Disk, func(w io.WriterAt) error { return disk.WriteTable(disk.Unfinished(s.Table), w) }); err != nil {
		return err
	}
	m.Con.Printf("%s", s)
	return nil
}

func (m *machine) doFinish(_ context.Context, s plan.FinishStep) error {
	return disk.Write(s.Disk, func(w io.WriterAt) error { return disk.RewriteTable(s.Table, w) })
}

func (m *machine) doFormat(ctx context.Context, s plan.FormatStep) error {
	p := s.Part
	dev := "/dev/" + p.Device
	m.Con.Printf("%s", s)
	var err error
	switch p.FS {
	case "swap":
		err = disk.MakeSwap(dev, p)
	case "efi", "vfat":
		argv := []string{"mkfs.vfat", "-I", "-i", strings.ReplaceAll(p.UUID, "-", "")}
		if p.FS == "efi" && p.Length >= 260*plan.MiB {
			argv = append(argv, "-F", "32") // as the UEFI specification likes it; smaller ones are left to mkfs
		}
		if p.Label != "" {
			argv = append(argv, "-n", p.Label)
		}
		err = m.tool(ctx, append(argv, dev)...)
	case "xfs":
		m.load("xfs")
		argv := []string{"mkfs.xfs", "-q", "-f", "-K", "-m", "uuid=" + p.UUID}
		if p.Label != "" {
			argv = append(argv, "-L", p.Label)
		}
		err = m.tool(ctx, append(argv, dev)...)
	default:
		argv := []string{
			"mke2fs", "-q", "-F", "-t", p.FS, "-U", p.UUID,
			"-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
		}
		if p.FS == "ext4" { // features that the GRUB and fsck of older systems don't read
			argv = append(argv, "-O", "^orphan_file,^metadata_csum_seed")
		}
		if p.Label != "" {
			argv = append(argv, "-L", p.Label)
		}
		err = m.tool(ctx, append(argv, dev)...)
	}
	if err != nil {
		return fmt.Errorf("format %s: %w", p.Device, err)
	}
	// there is no udev, and grub-mkconfig names the root by UUID only if this link exists
	if err := os.MkdirAll("/dev/disk/by-uuid", 0o755); err != nil {
		return err
	}
	return os.Symlink("../../"+p.Device, "/dev/disk/by-uuid/"+p.UUID)
}

func (m *machine) doMount(_ context.Context, s plan.MountStep) error {
	p := s.Part
	kind := p.FS
	if kind == "efi" {
		kind = "vfat"
	}
	dir := filepath.Join(m.target, p.Mount)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/dev/"+p.Device, dir, kind, unix.MS_NOATIME, ""); err != nil {
		return fmt.Errorf("mount %s as %s: %w (has the installer its module?)", p.Device, kind, err)
	}
	m.mounts = append(m.mounts, dir)
	return nil
}

func (m *machine) doUnmount(_ context.Context, _ plan.UnmountStep) error {
	unix.Sync()
	for len(m.mounts) > 0 {
		dir := m.mounts[len(m.mounts)-1]
		if err := unmountPatiently(dir); err != nil {
			return err
		}
		m.mounts = m.mounts[:len(m.mounts)-1]
	}
	return nil
}

func (m *machine) doFlush(_ context.Context, _ plan.FlushStep) error {
	for _, dev := range m.touched {
		f, err := os.OpenFile(dev, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		err = f.Sync()
		_ = f.Close()
		if err != nil {
			return fmt.Errorf("write %s out: %w", dev, err)
		}
	}
	return nil
}

// unmountPatiently unmounts a folder, which a program that a script left behind may use for a
// moment.
func unmountPatiently(dir string) error {
	var err error
	for range 50 {
		if err = unix.Unmount(dir, 0); err != unix.EBUSY {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err == unix.EBUSY { // it stays in use: write it out and let go of it
		_ = unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		err = unix.Unmount(dir, unix.MNT_DETACH)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// makeUnbootable clears from the touched disks everything that firmware, or the guard of the
// next attempt, would take for a system.
func (m *machine) makeUnbootable(ctx context.Context) error {
	for i := len(m.mounts) - 1; i >= 0; i-- {
		_ = unix.Unmount(m.mounts[i], unix.MNT_DETACH)
	}
	m.mounts = nil
	unix.Sync()
	// before its members are cleared: an array writes to them when it stops
	errs := []error{m.stopAll(ctx)}
	for i := len(m.touched) - 1; i >= 0; i-- { // partitions before their disk
		size, err := disk.DeviceSize(m.touched[i])
		if err == nil {
			err = disk.ZeroEnds(m.touched[i], size)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
