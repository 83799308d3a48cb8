//go:build e2e

package installer_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/plan"
)

// driversKickstart reports the drivers with devices once the disks are there, and ends the
// install before it changes a disk.
const driversKickstart = `
%pre --erroronfail
{
n=0
while [ $n -lt 30 ] && [ $(ls /sys/block | grep -c -E '^(sd|vd|nvme)') -lt 8 ]; do sleep 1; n=$((n + 1)); done
for d in /sys/bus/pci/drivers/*/0000:* /sys/bus/virtio/drivers/*/virtio* /sys/bus/usb/drivers/*/[0-9]* /sys/bus/hid/drivers/*/0003:*; do
  if [ -e "$d" ]; then echo "DRIVER $(basename $(dirname $d))"; fi
done
for d in /sys/block/*; do echo "DISK $(readlink $d)"; done
ls /dev/ipmi0
echo "THAT IS ALL"
} >/dev/ttyS0 2>&1
exit 1
%end
`

// Hardware that servers have, as far as QEMU emulates it: each device gets its
// driver by its modalias. A card without a driver is reported, and the
// second serial line, which is not a kernel console, also shows all of it.
func TestDrivers(t *testing.T) {
	b := newGuestTest(t)
	b.ks = b.kickstart("http://10.77.0.1"+imagePath, b.rootSum(), driversKickstart)
	second := filepath.Join(b.dir, "second.log")
	args := []string{"-kernel", b.kernel, "-initrd", b.initrd, "-append", b.cmdline(""), "-serial", "file:" + second}
	for i, bus := range []string{"ahci", "nvme", "megasas", "pvscsi", "lsi53c895a", "virtio-scsi-pci", "usb-storage"} {
		id := string(rune('a' + i))
		args = append(args, "-drive", "if=none,format=raw,id="+id+",file="+b.disk("disk-"+bus+".raw"))
		switch bus {
		case "nvme":
			args = append(args, "-device", "nvme,serial=N1,drive="+id)
		case "usb-storage":
			args = append(args, "-device", "qemu-xhci", "-device", "usb-storage,drive="+id, "-device", "usb-kbd")
		case "ahci":
			args = append(args, "-device", "ahci,id="+bus, "-device", "ide-hd,bus=ahci.0,drive="+id)
		default:
			args = append(args, "-device", bus+",id="+bus, "-device", "scsi-hd,bus="+bus+".0,drive="+id)
		}
	}
	// Seen with QEMU 7.2: the driver takes an mptsas1068, but finds no disk behind it.
	args = append(args, "-device", "mptsas1068")
	for _, nic := range []string{"e1000", "e1000e", "vmxnet3", "rtl8139", "i82557b", "pcnet", "tulip", "rocker"} {
		args = append(args, "-device", nic)
	}
	args = append(args, "-device", "ipmi-bmc-sim,id=bmc", "-device", "isa-ipmi-kcs,bmc=bmc")
	text := b.boot(false, b.disk("disk.raw"), "", 5*time.Minute, args...)

	got := map[string]bool{}
	var disks []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if d, ok := strings.CutPrefix(line, "DRIVER "); ok {
			got[d] = true
		}
		if d, ok := strings.CutPrefix(line, "DISK "); ok {
			disks = append(disks, d)
		}
	}
	t.Log(got, disks)
	for _, want := range []string{
		"ahci", "nvme", "megaraid_sas", "mptsas", "vmw_pvscsi", "sym53c8xx", "virtio_scsi", "virtio_blk", "usb-storage", "usbhid",
		"virtio_net", "e1000", "e1000e", "vmxnet3", "8139cp", "e100", "pcnet32", "tulip", "hid-generic",
	} {
		if !got[want] {
			t.Errorf("no device has the driver %s", want)
		}
	}
	whole := 0
	for _, d := range disks {
		if n := filepath.Base(d); strings.HasPrefix(n, "sd") || strings.HasPrefix(n, "nvme") || strings.HasPrefix(n, "vd") {
			whole++
		}
	}
	if whole != 8 {
		t.Errorf("%d disks of 8: %v", whole, disks)
	}
	if !strings.Contains(text, "\n/dev/ipmi0") {
		t.Error("the BMC has no device")
	}
	if e := b.find("", "hardware"); e == nil || !strings.Contains(e.Message, "no driver has taken these network cards: ") || !strings.Contains(e.Message, "(1b36:0006)") {
		t.Errorf("the card without a driver is not told of: %+v", e)
	}
	if e := b.find("failed", plan.FailScript); e == nil {
		t.Error("the install didn't end in its script")
	}
	if line := b.read(second); !strings.Contains(line, "rackhand-installer") || !strings.Contains(line, "THE INSTALL FAILED") {
		t.Errorf("the second serial line shows %q", tailOf(line))
	}
}
