package hardware

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/installer/fake"
)

// swapped is an ATA string: space-padded, its bytes swapped in pairs.
func swapped(s string, words int) string {
	b := []byte(s + strings.Repeat(" ", 2*words-len(s)))
	for i := 0; i < len(b); i += 2 {
		binary.LittleEndian.PutUint16(b[i:], uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(b)
}

// The names follow udev's rules; e2e tests hold those of virtio and NVMe against udev.
func TestDiskLinks(t *testing.T) {
	identify := strings.Repeat("\x00", 60+20) + swapped("S4EV", 10) + strings.Repeat("\x00", 14) + swapped("SAMSUNG MZ7 960GB with a long name", 20)
	identify += strings.Repeat("\x00", 572-len(identify))
	const (
		virtio = "devices/pci0000:00/0000:00:05.0/virtio2/block/vda"
		nvme   = "devices/pci0000:00/0000:00:1d.0/0000:01:00.0/nvme/nvme0/nvme0n1"
		ata    = "devices/pci0000:00/0000:00:1f.0/ata3/host4/target4:0:0/4:0:0:0"
		scsi   = "devices/pci0000:00/0000:00:06.0/virtio3/host9/target9:0:2/9:0:2:1"
		usb    = "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host7/target7:0:0/7:0:0:0"
	)
	sys := fake.Sysfs(t, map[string]string{
		virtio + "/serial": "my disk", virtio + "/size": "8388608", virtio + "/device/x": "",
		nvme + "/size": "8388608", nvme + "/device/model": "Micron 7450  MTFD   ", nvme + "/device/serial": "22A1  ", nvme + "/wwid": "eui.000a75", nvme + "/nsid": "1",
		ata + "/block/sda/size": "8388608", ata + "/block/sda/device/vpd_pg89": identify, ata + "/block/sda/device/vpd_pg80": "\x00\x80\x00\x14                S4EV",
		ata + "/block/sda/device/wwid": "naa.5002538e", ata + "/block/sda/device/vendor": "ATA     ", ata + "/block/sda/device/model": "SAMSUNG MZ7 960G",
		"devices/pci0000:00/0000:00:1f.0/ata3/ata_port/ata3/port_no": "2",

		scsi + "/block/sdb/size":                          "8388608",
		scsi + "/block/sdb/device/wwid":                   "t10.QEMU    HARDDISK  x1",
		"devices/pci0000:00/0000:00:06.0/virtio3/host8/x": "",

		usb + "/block/sdc/size": "8388608", usb + "/block/sdc/device/x": "",
	}, virtio, nvme, ata+"/block/sda", scsi+"/block/sdb", usb+"/block/sdc")
	want := map[string][]string{
		"vda":     {"disk/by-id/virtio-my_disk", "disk/by-path/pci-0000:00:05.0", "disk/by-path/virtio-pci-0000:00:05.0"},
		"nvme0n1": {"disk/by-id/nvme-Micron_7450_MTFD_22A1", "disk/by-id/nvme-Micron_7450_MTFD_22A1_1", "disk/by-id/nvme-eui.000a75", "disk/by-path/pci-0000:01:00.0-nvme-1"},
		"sda": {
			"disk/by-id/ata-SAMSUNG_MZ7_960GB_with_a_long_name_S4EV", "disk/by-id/scsi-35002538e", "disk/by-id/scsi-SATA_SAMSUNG_MZ7_960G_S4EV",
			"disk/by-id/wwn-0x5002538e", "disk/by-path/pci-0000:00:1f.0-ata-2", "disk/by-path/pci-0000:00:1f.0-ata-2.0",
		},
		"sdb": {"disk/by-id/scsi-1QEMU_HARDDISK_x1", "disk/by-path/pci-0000:00:06.0-scsi-1:0:2:1"},
		"sdc": nil,
	}
	disks := FindDisks(sys)
	if len(disks) != len(want) {
		t.Errorf("found %v", disks)
	}
	for _, d := range disks {
		if !slices.Equal(d.Links, want[d.Name]) {
			t.Errorf("%s: got %q, want %q", d.Name, d.Links, want[d.Name])
		}
	}
	dev := t.TempDir()
	LinkDisks(dev, disks)
	if to, err := os.Readlink(dev + "/disk/by-id/virtio-my_disk"); err != nil || to != "../../vda" {
		t.Errorf("%s, %v", to, err)
	}
}

func TestDiskOnUSB(t *testing.T) {
	sys := t.TempDir()
	place := sys + "/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb"
	for _, dir := range []string{place + "/device", sys + "/block"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(place+"/size", []byte("8388608\n"), 0o644), os.Symlink(place, sys+"/block/sdb")); err != nil {
		t.Fatal(err)
	}
	if got := FindDisks(sys); len(got) != 1 || !got[0].USB {
		t.Errorf("%+v", got)
	}
}
