//go:build e2e

package installer_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/plan"
)

// drives are QEMU's arguments for virtio disks with serial numbers D0, D1...; a
// pulled one is left out.
func drives(disks ...string) []string {
	var out []string
	for i, d := range disks {
		if d == "" {
			continue
		}
		out = append(out, "-drive", fmt.Sprintf("file=%s,format=raw,if=none,id=d%d,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap", d, i),
			"-device", fmt.Sprintf("virtio-blk-pci,drive=d%d,serial=D%d", i, i))
	}
	return out
}

// begin boots the installer with these disks until the marker shows, or the end.
func (b *guestTest) begin(uefi bool, marker, args string, drives []string) string {
	b.t.Helper()
	b.mu.Lock()
	b.events = nil
	b.mu.Unlock()
	append_ := "inst.ks=http://10.77.0.1/i/" + token + "/ks rackhand.report=http://10.77.0.1/i/" + token +
		"/event BOOTIF=01-52-54-00-00-00-01 ip=dhcp rackhand.hold=1 panic=1 " + serial + " " + args
	return b.boot(uefi, "", marker, 6*time.Minute, append([]string{"-kernel", b.kernel, "-initrd", b.initrd, "-append", append_}, drives...)...)
}

// installed is begin to the end of an install that must succeed.
func (b *guestTest) installed(uefi bool, args string, drives []string) {
	b.t.Helper()
	text := b.begin(uefi, "", args, drives)
	if i := strings.Index(text, "where the time went"); i >= 0 {
		b.t.Log(text[i:min(len(text), i+2000)])
	}
	if b.find("installed", "installed") == nil {
		b.t.Fatalf("no installed event; serial line:\n%s", tailOf(text))
	}
}

// diskKickstart is the test Kickstart with another layout; the installed system
// reports its disks.
func (b *guestTest) diskKickstart(layout string) string {
	ks := b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), `%post --erroronfail
set -e
sed -i 's|^echo "THAT IS ALL"|storage\n&|; s|^{$|storage() {\ncat /proc/mdstat\nlsblk -nro NAME,TYPE,FSTYPE,MOUNTPOINT\ncd /dev; echo disk/by-*/*; cd /\necho "arrays: $(mdadm --examine --scan \| wc -l), groups: $(vgs --noheadings \| wc -l)"\n}\n&|' /usr/local/sbin/told
# the first copying of a mirror would only keep this slow machine from telling
echo 'dev.raid.speed_limit_max = 500' >/etc/sysctl.d/50-slow.conf
%end
`)
	i, j := strings.Index(ks, "part biosboot"), strings.Index(ks, "bootloader --append")
	return ks[:i] + layout + ks[j:]
}

// tells boots from the disks and checks the installed system's output.
func (b *guestTest) tells(uefi bool, drives []string, wants ...string) string {
	b.t.Helper()
	text := b.boot(uefi, "", allOf, 5*time.Minute, drives...)
	i := strings.Index(text, served)
	if i < 0 {
		b.t.Fatalf("the system doesn't say %q:\n%s", served, tailOf(text))
	}
	lines := strings.ReplaceAll(text[i:], "\r", "")
	b.t.Log(lines)
	for _, want := range append(wants, "failed units 0") {
		if !strings.Contains(lines, want) {
			b.t.Errorf("the installed system lacks %q", want)
		}
	}
	return lines
}

const mirrorLVM = `part biosboot --fstype=biosboot --size=1
part raid.b0 --size=300 --ondisk=disk/by-id/virtio-D0
part raid.b1 --size=300 --ondisk=disk/by-id/virtio-D1
part raid.p0 --size=1500 --grow --ondisk=disk/by-id/virtio-D0
part raid.p1 --size=1500 --grow --ondisk=disk/by-id/virtio-D1
raid /boot --device=boot --level=1 --fstype=ext4 raid.b0 raid.b1
raid pv.01 --device=pv --level=1 raid.p0 raid.p1
volgroup system pv.01
logvol swap --vgname=system --name=swap --fstype=swap --size=128
logvol / --vgname=system --name=root --fstype=xfs --size=1000 --grow
`

// LVM on RAID 1 by BIOS. The first try is cut off while the image is written. Its remains
// must not boot, and must not hinder the second try. Then the first disk is pulled.
func TestMirrorLVMBIOS(t *testing.T) {
	b := newGuestTest(t)
	b.ks = b.diskKickstart(mirrorLVM)
	one, two := b.disk("one.raw"), b.disk("two.raw")
	b.begin(false, "writing the image", "", drives(one, two))
	b.installed(false, "", drives(one, two))
	b.tells(false, drives(one, two), "firmware bios", "root is xfs", "swaps 1", "system-root lvm xfs /", "[UU]", "disk/by-id/virtio-D1 ", "arrays: 2, groups: 1")
	b.tells(false, drives("", two), "root is xfs", "[_U]")
}

const mirrorPlain = `reqpart
part raid.s0 --size=128
part raid.s1 --size=128
part raid.r0 --size=1500 --grow
part raid.r1 --size=1500 --grow
ignoredisk --only-use=vda,vdb
raid swap --device=swap --level=1 --fstype=swap raid.s0 raid.s1
raid / --device=root --level=1 --fstype=ext4 raid.r0 raid.r1
`

// RAID 1 by UEFI, without a /boot, the EFI system partition mirrored: either disk is
// pulled.
func TestMirrorUEFI(t *testing.T) {
	b := newGuestTest(t)
	b.ks = b.diskKickstart(mirrorPlain)
	one, two := b.disk("one.raw"), b.disk("two.raw")
	b.installed(true, "", drives(one, two))
	b.tells(true, drives("", two), "firmware uefi", "root is ext4", "efi vfat", "swaps 1", "[_U]")
	b.tells(true, drives(one), "firmware uefi", "root is ext4", "efi vfat", "swaps 1", "[U_]")
}

// LVM and XFS on an NVMe disk by UEFI, as autopart lays it out, onto a disk that carries
// data, as asked.
func TestLVMUEFIWipe(t *testing.T) {
	b := newGuestTest(t)
	b.ks = b.diskKickstart("ignoredisk --only-use=/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_N1\nautopart --type=lvm --fstype=xfs\n")
	disk := b.disk("one.raw")
	scribble(t, disk, 0x438, "\x53\xef")
	nvme := []string{
		"-drive", "file=" + disk + ",format=raw,if=none,id=n1,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap",
		"-device", "nvme,drive=n1,serial=N1",
	}
	b.installed(true, "rackhand.wipe=1", nvme)
	if b.find("", "disk-wiped") == nil {
		t.Error("no event says that a disk was wiped")
	}
	b.tells(true, nvme, "firmware uefi", "10.77.0.11/24", "key op:600, root P", "root is xfs", "efi vfat", "swaps 1", "system-root lvm xfs /", "nvme0n1p3 part xfs /boot", "disk/by-id/nvme-QEMU_NVMe_Ctrl_N1 ", "arrays: 0, groups: 1")
}

// A disk that carries RAID and LVM, made by their own tools in a %pre, is refused;
// with --wipe the old ones don't come back, although the new partitions begin where
// the old ones did.
func TestOldStorage(t *testing.T) {
	b := newGuestTest(t)
	one := b.disk("one.raw")
	ks := b.diskKickstart(`part biosboot --fstype=biosboot --size=1
part swap --fstype=swap --size=128
part /home --fstype=ext4 --size=400
part / --fstype=ext4 --size=1000 --grow
`)
	b.ks = ks + `%pre --erroronfail
set -e
for m in raid1 dm-mod; do modprobe $m; done
printf 'label: gpt\nstart=2048,size=2048\nstart=4096,size=262144\nstart=266240,size=819200\nstart=1085440\n' | sfdisk -q /dev/vda
sleep 1
export MDADM_NO_UDEV=1 DM_DISABLE_UDEV=1
mdadm -q --create /dev/md7 --run --level=1 --raid-devices=2 --metadata=1.0 /dev/vda2 missing
mdadm -q --create /dev/md8 --run --level=1 --raid-devices=2 --metadata=1.2 --data-offset=1M /dev/vda3 missing
lvm pvcreate -q -y /dev/md8
lvm vgcreate -q -y old /dev/md8 
lvm pvcreate -q -y /dev/vda4
lvm vgcreate -q -y older /dev/vda4
lvm vgchange -q -an old older
mdadm -q --stop /dev/md7
mdadm -q --stop /dev/md8
echo OLD STORAGE IS THERE >/dev/console
exit 1
%end
`
	if text := b.begin(false, "", "", drives(one)); !strings.Contains(text, "OLD STORAGE IS THERE") {
		t.Fatalf("the old storage could not be made:\n%s", tailOf(text))
	}
	b.ks = ks
	before := diskSum(t, one)
	b.begin(false, "", "", drives(one))
	e := b.find("failed", plan.FailDisk)
	if e == nil {
		t.Fatal("the disk was not refused")
	}
	for _, want := range []string{"GPT partition table", "vda2: RAID member (md)", "vda3: RAID member (md)", "vda4: LVM physical volume", "--wipe"} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("the refusal lacks %q: %s", want, e.Message)
		}
	}
	if diskSum(t, one) != before {
		t.Error("a refused disk was written to")
	}
	b.installed(false, "rackhand.wipe=1", drives(one))
	lines := b.tells(false, drives(one), "arrays: 0, groups: 0", "root is ext4")
	for _, old := range []string{"linux_raid_member", "LVM2_member", "md127"} {
		if strings.Contains(lines, old) {
			t.Errorf("%s has come back", old)
		}
	}
}

// An install that fails while arrays and volumes run takes them apart and leaves
// disks without a mark of them.
func TestFailedMirror(t *testing.T) {
	b := newGuestTest(t)
	small := filepath.Join(b.dir, "small.tar")
	if out, err := exec.Command("tar", "cf", small, "-C", "/etc", "hostname").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	b.files["/image/root.tar.zst"] = small
	b.ks = b.diskKickstart(mirrorLVM)
	one, two := b.disk("one.raw"), b.disk("two.raw")
	b.begin(false, "", "", drives(one, two))
	if e := b.find("failed", plan.FailImage); e == nil || strings.Contains(e.Message, "could not be cleared") {
		t.Errorf("%+v", e)
	}
	for _, disk := range []string{one, two} {
		for name, mark := range map[string]string{"an md superblock": "\xfc\x4e\x2b\xa9\x01\x00\x00\x00", "LVM's label": "LABELONE", "a GPT": "EFI PART"} {
			if at := findOn(t, disk, mark); at >= 0 {
				t.Errorf("%s: %s is at %d", filepath.Base(disk), name, at)
			}
		}
	}
}

// findOn is where a mark begins that stands at the beginning of a sector; -1: nowhere.
func findOn(t *testing.T, disk, mark string) int64 {
	t.Helper()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := make([]byte, 16<<20)
	for from := int64(0); ; from += int64(len(chunk)) {
		n, err := io.ReadFull(f, chunk)
		for at := 0; at < n; at += 512 {
			if bytes.HasPrefix(chunk[at:n], []byte(mark)) {
				return from + int64(at)
			}
		}
		if err != nil {
			return -1
		}
	}
}

// A layout that doesn't fit is reported before anything is written.
func TestDiskTooSmall(t *testing.T) {
	b := newGuestTest(t)
	one, two := b.disk("one.raw"), b.disk("two.raw")
	b.ks = b.diskKickstart(strings.ReplaceAll(mirrorLVM, "--name=root --fstype=xfs --size=1000", "--name=root --fstype=xfs --size=9000"))
	before := diskSum(t, one)
	b.begin(false, "", "", drives(one, two))
	if e := b.find("failed", plan.FailKickstart); e == nil || !strings.Contains(e.Message, "volume group system has room for") {
		t.Errorf("%+v", e)
	}
	if diskSum(t, one) != before {
		t.Error("a disk was written to")
	}
}
