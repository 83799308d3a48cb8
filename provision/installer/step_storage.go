package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/installer/disk"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

func (m *machine) doArray(ctx context.Context, s plan.ArrayStep) error {
	a := s.Array
	m.Con.Printf("%s", s)
	m.load("raid" + strconv.Itoa(a.Level))
	dev := "/dev/" + a.Device
	argv := []string{
		"mdadm", "--create", dev, "--run", "--quiet", "--level=" + strconv.Itoa(a.Level),
		"--raid-devices=" + strconv.Itoa(len(a.Devices)), "--metadata=" + a.Metadata,
		"--name=" + a.Name, "--homehost=any", "--uuid=" + a.ID,
	}
	if a.Level == 1 { // after a power cut or a pulled disk only what changed is copied
		argv = append(argv, "--bitmap=internal")
	}
	if a.Metadata != "1.0" {
		argv = append(argv, "--data-offset=1M") // so that the plan knows the size
	}
	for _, d := range a.Devices {
		argv = append(argv, "/dev/"+d)
	}
	if err := m.tool(ctx, argv...); err != nil {
		return fmt.Errorf("make array %s: %w", a.Name, err)
	}
	m.stops = append(m.stops, []string{"mdadm", "--stop", "--quiet", dev})
	if a.Level == 1 {
		// The installed system makes both halves equal. Here that would only slow the install
		// down. Until then, every write goes to both halves.
		if err := os.WriteFile("/sys/block/"+a.Device+"/md/sync_action", []byte("frozen"), 0); err != nil {
			m.Con.Printf("  the first copying of %s goes on meanwhile: %v", a.Device, err)
		}
	}
	return blank(ctx, dev)
}

// blank waits for a new device and clears its ends, which may hold signatures from an earlier
// use of the disk: a file system, LVM's label.
func blank(ctx context.Context, dev string) error {
	if err := disk.WaitFor(ctx, dev, 10*time.Second); err != nil {
		return err
	}
	size, err := disk.DeviceSize(dev)
	if err != nil {
		return err
	}
	return disk.ZeroEnds(dev, size)
}

func (m *machine) doVolumeGroup(ctx context.Context, s plan.VolumeGroupStep) error {
	m.Con.Printf("%s", s)
	m.load("dm_mod")
	create := []string{"lvm", "vgcreate", "-y", "-A", "n", "--physicalextentsize", "4m", s.Name}
	for _, d := range s.Devices {
		if err := m.tool(ctx, "lvm", "pvcreate", "-ff", "-y", "/dev/"+d); err != nil {
			return fmt.Errorf("make volume group %s: %w", s.Name, err)
		}
		create = append(create, "/dev/"+d)
	}
	if err := m.tool(ctx, create...); err != nil {
		if strings.Contains(err.Error(), "already exists") {
			return fmt.Errorf("make volume group %s: a disk that this install leaves alone has a group of that name; name this one otherwise, or wipe that disk: %w", s.Name, err)
		}
		return fmt.Errorf("make volume group %s: %w", s.Name, err)
	}
	m.stops = append(m.stops, []string{"lvm", "vgchange", "-a", "n", "-A", "n", s.Name})
	return nil
}

func (m *machine) doVolume(ctx context.Context, s plan.VolumeStep) error {
	m.Con.Printf("%s", s)
	err := m.tool(ctx, "lvm", "lvcreate", "-y", "-A", "n", "-W", "n", "-Z", "n",
		"-n", s.Name, "-l", strconv.FormatInt(s.Extents, 10), s.Group)
	if err != nil {
		return fmt.Errorf("make volume %s of %s: %w", s.Name, s.Group, err)
	}
	return blank(ctx, "/dev/"+s.Device)
}

// stopAll takes arrays and groups apart, the last made first.
func (m *machine) stopAll(ctx context.Context) error {
	var errs []error
	for len(m.stops) > 0 {
		argv := m.stops[len(m.stops)-1]
		m.stops = m.stops[:len(m.stops)-1]
		var err error
		for range 10 { // a process that had it open may take a moment
			if err = m.tool(ctx, argv...); err == nil {
				break
			}
			if (report.RealClock{}).Sleep(ctx, 300*time.Millisecond) != nil {
				break
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (m *machine) doStop(ctx context.Context, _ plan.StopStep) error {
	if err := m.stopAll(ctx); err != nil {
		// Everything is written; the kernel closes them at the reboot.
		m.Warnf("arrays or volume groups could not be stopped: %v", err)
	}
	return nil
}

func (m *machine) doNeed(_ context.Context, s plan.NeedStep) error {
	if _, err := findProgram(m.target, s.Program); err != nil {
		return &plan.Failure{Kind: plan.FailImage, Err: fmt.Errorf("the image has no %s, so its system would not find its disks (%s): build the image with that package, or lay out plain partitions", s.Program, s.For)}
	}
	return nil
}

func (m *machine) doStorage(ctx context.Context, s plan.StorageStep) error {
	m.Con.Printf("%s", s)
	conf, text := "/etc/mdadm.conf", mdadmConf(s) // Red Hat's family
	if st, err := os.Lstat(m.target + "/etc/mdadm"); err == nil && st.IsDir() {
		conf = "/etc/mdadm/mdadm.conf" // Debian's
	}
	if len(s.Arrays) > 0 {
		if err := m.inRoot(func(root *os.Root) error { return writeFile(root, conf, 0o644, text) }); err != nil {
			return err
		}
	}
	if _, err := findProgram(m.target, "update-initramfs"); err == nil {
		return m.debianInitrd(s, conf, text)
	}
	if _, err := findProgram(m.target, "dracut"); err != nil {
		return &plan.Failure{Kind: plan.FailImage, Err: fmt.Errorf("the image has no update-initramfs and no dracut: its initramfs can't be set up for RAID and LVM")}
	}
	err := m.inRoot(func(root *os.Root) error {
		return writeFile(root, "/etc/dracut.conf.d/rackhand-disks.conf", 0o644, dracutConf(s))
	})
	if err != nil {
		return err
	}
	return m.inTarget(ctx, "", "dracut", "--force", "--regenerate-all")
}

// debianInitrd prepares the initramfs of Debian and Ubuntu. The packages' hooks have put in
// what assembles arrays and volumes, when the image was made; only the arrays' names are
// missing.
func (m *machine) debianInitrd(s plan.StorageStep, conf, text string) error {
	for _, need := range []struct {
		hook string
		is   bool
	}{{"mdadm", len(s.Arrays) > 0}, {"lvm2", len(s.Volumes) > 0}} {
		if _, err := os.Lstat(m.target + "/usr/share/initramfs-tools/hooks/" + need.hook); need.is && err != nil {
			return &plan.Failure{Kind: plan.FailImage, Err: fmt.Errorf("the image's initramfs knows nothing of %s (initramfs-tools/hooks/%s is missing): build the image with that package", need.hook, need.hook)}
		}
	}
	if len(s.Arrays) == 0 {
		return nil
	}
	return m.inRoot(func(root *os.Root) error { return addToInitrds(root, conf, text) })
}

// mdadmConf is mdadm.conf(5).
func mdadmConf(s plan.StorageStep) string {
	return "# written by rackhand-installer from the Kickstart\nHOMEHOST <system>\nMAILADDR root\n" +
		strings.Join(s.ArrayLines(), "\n") + "\n"
}

// dracutConf is dracut.conf(5): it assembles what its command line names
// (dracut.cmdline(7)), and that may stand in the initramfs itself.
func dracutConf(s plan.StorageStep) string {
	var args []string
	for _, a := range s.Arrays {
		args = append(args, "rd.md.uuid="+a.ID)
	}
	for _, v := range s.Volumes {
		args = append(args, "rd.lvm.lv="+v.Group+"/"+v.Name)
	}
	return "# written by rackhand-installer from the Kickstart\nhostonly=\"no\"\nadd_dracutmodules+=\" mdraid lvm \"\n" +
		"kernel_cmdline+=\" " + strings.Join(args, " ") + " \"\n"
}
