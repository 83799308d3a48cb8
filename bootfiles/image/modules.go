package image

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// moduleWanted reports, by its path below /lib/modules/VERSION, whether the installer's
// initramfs takes a module. The dependencies of chosen modules come with them.
func moduleWanted(file string) bool {
	p := strings.TrimPrefix(file, "kernel/")
	for _, no := range []string{
		"drivers/net/ethernet/mellanox/mlxsw/", "drivers/scsi/pcmcia/", "drivers/usb/host/u132-hcd",
		"drivers/block/drbd/", "drivers/block/rbd", "drivers/block/nbd", "drivers/block/zram/",
		"drivers/ata/pata_", "drivers/net/usb/ipheth",
		// Fibre Channel, iSCSI offload and SCSI of the nineties: a third of all the
		// disk drivers. A root on a SAN isn't something that this installer lays out.
		"drivers/scsi/lpfc/", "drivers/scsi/qla2xxx/", "drivers/scsi/qla4xxx/", "drivers/scsi/bfa/",
		"drivers/scsi/csiostor/", "drivers/scsi/bnx2", "drivers/scsi/cxgbi/", "drivers/scsi/qed",
		"drivers/scsi/fnic/", "drivers/scsi/fcoe/", "drivers/scsi/be2iscsi/", "drivers/scsi/aic7xxx/",
		"drivers/scsi/scsi_debug", "drivers/scsi/elx/", "drivers/scsi/snic/", "drivers/scsi/device_handler/",
		"drivers/scsi/libfc/", "drivers/scsi/libiscsi", "drivers/scsi/iscsi_", "drivers/message/fusion/mptfc",
		// NVMe over fabrics, with all of InfiniBand behind it
		"drivers/nvme/host/nvme-rdma", "drivers/nvme/host/nvme-fc", "drivers/nvme/host/nvme-tcp",
	} {
		if strings.HasPrefix(p, no) {
			return false
		}
	}
	name := moduleName(p)
	if strings.HasSuffix(name, "_cs") { // PCMCIA
		return false
	}
	for _, folder := range []string{
		// network cards, virtual and USB ones too (a box's only port may be a dongle)
		"drivers/net/ethernet/", "drivers/net/phy/", "drivers/net/mdio/", "drivers/net/hyperv/",
		"drivers/net/vmxnet3/", "drivers/net/usb/",
		// disks and what they hang on; VMD, behind which NVMe disks hide, is a PCI controller
		"drivers/ata/", "drivers/nvme/host/", "drivers/scsi/", "drivers/message/fusion/",
		"drivers/block/", "drivers/virtio/", "drivers/usb/storage/", "drivers/mmc/core/", "drivers/mmc/host/",
		"drivers/pci/controller/",
		// a keyboard for a person at the box, and serial cards for a console
		"drivers/usb/host/", "drivers/tty/serial/8250/",
		// modules that the operator added for this hardware (DKMS, vendors' packages)
		"updates/", "extra/", "weak-updates/",
	} {
		if strings.HasPrefix(p, folder) {
			return true
		}
	}
	return slices.Contains([]string{
		"af_packet", "ext4", "xfs", "vfat", "crc32c_generic", "crc32c-intel", "crc32_pclmul",
		"nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859-1",
		"dm-mod", "dm-crypt", "dm-mirror", "dm-snapshot", "dm-thin-pool",
		"raid0", "raid1", "raid10", "raid456", "linear", "md-mod",
		"virtio_net", "net_failover", "bonding", "8021q", "xen-netfront", "xen-blkfront",
		"hid", "usbhid", "hid-generic", "i8042", "atkbd", "efivarfs", "loop",
		"hid-hyperv", "hyperv-keyboard", "xen-kbdfront",
		"rtc-cmos", "ipmi_si", "ipmi_devintf", "ipmi_ssif", "i2c-i801",
	}, name)
}

func moduleName(file string) string { return strings.TrimSuffix(path.Base(file), ".ko") }

// modulesDep reads modules.dep: each module's file and the files it needs, with
// paths below /lib/modules/VERSION.
func modulesDep(text string) (map[string][]string, error) {
	deps := map[string][]string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		file, needs, ok := strings.Cut(line, ":")
		if !ok || file == "" || path.Clean(file) != file || strings.HasPrefix(file, "/") || strings.HasPrefix(file, "../") || !strings.HasSuffix(file, ".ko") {
			return nil, fmt.Errorf("modules.dep has a line that is not a dependency: %q", line)
		}
		deps[file] = strings.Fields(needs)
	}
	return deps, nil
}

// moduleClosure picks the wanted modules with all they need, in order.
func moduleClosure(deps map[string][]string, wanted func(string) bool) ([]string, error) {
	picked := map[string]bool{}
	var add func(file, why string) error
	add = func(file, why string) error {
		if picked[file] {
			return nil
		}
		needs, ok := deps[file]
		if !ok {
			return fmt.Errorf("modules.dep: %s needs %s, which isn't there", why, file)
		}
		picked[file] = true
		for _, n := range needs {
			if err := add(n, file); err != nil {
				return err
			}
		}
		return nil
	}
	for file := range deps {
		if wanted(file) {
			if err := add(file, file); err != nil {
				return nil, err
			}
		}
	}
	list := make([]string, 0, len(picked))
	for file := range picked {
		list = append(list, file)
	}
	slices.Sort(list)
	return list, nil
}
