// Command init replaces the installer in an initramfs, for the end-to-end test. It runs the
// programs that the installer needs, reports the result of each, and powers off.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

func main() {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := syscall.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			fmt.Printf("CHECK mount %s: %v\n", m[1], err)
		}
	}
	os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
	for _, c := range []string{
		"modprobe -a virtio_pci virtio_net virtio_blk ahci nvme sd_mod usb-storage uas xhci-pci e1000e igb ixgbe tg3 bnxt_en mlx5_core megaraid_sas mpt3sas ext4 vfat nls_cp437 nls_ascii af_packet dm-mod raid1",
		"sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/vda ] && exit 0; sleep 1; done; exit 1'",
		"sh -c 'printf \",1G,L\\n\" | sfdisk -q /dev/vda'", "mke2fs -q -t ext4 /dev/vda1", "sh -c 'blkid /dev/vda1 | grep -q ext4'",
		"mount -t ext4 /dev/vda1 /mnt/sysimage", "sh -c 'echo hello > /mnt/sysimage/f && sync'", "umount /mnt/sysimage",
		"mkfs.vfat /dev/vda1", "mkswap -f /dev/vda1", "wipefs -a /dev/vda1", "lsblk",
		"sh -c 'ip link set lo up && ip link show eth0'", "sh -c 'wget --help 2>&1 | grep -q BusyBox'",
		"chroot / /bin/true", "sh -c 'for a in cp chmod sed awk grep tar udhcpc reboot poweroff; do command -v $a || exit 1; done'",
	} {
		args := strings.Fields(c)
		if rest, ok := strings.CutPrefix(c, "sh -c '"); ok {
			args = []string{"sh", "-c", strings.TrimSuffix(rest, "'")}
		}
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			fmt.Printf("CHECK %s: %v: %s\n", c, err, out)
		}
	}
	fmt.Println("CHECK done")
	if err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("power off:", err)
	}
}
