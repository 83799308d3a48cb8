//go:build e2e

package installer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/image/imagetest"
	"rackhand/provision/installer"
)

// A bond of two cards serves on with one of them gone, by whichever tool the system
// has: Debian's own, or without that, systemd's, or what %packages brings. The system is
// configured here, and booted by its own kernel from a disk that holds nothing else: no
// installer and no boot loader, which TestBond of the rehearsals has.
func TestBond(t *testing.T) {
	for _, c := range []struct{ tool, packages string }{
		{"ifupdown", ""},
		{"systemd-networkd", ""},
		{"NetworkManager", "network-manager"},
		{"netplan", "netplan.io"}, // in the whole image: it wants Python
	} {
		t.Run(c.tool, func(t *testing.T) {
			b := newGuestTest(t)
			b.netdev = func(user string) []string {
				return []string{
					"-netdev", user, "-netdev", "user,id=m,restrict=on,net=10.77.0.0/24,host=10.77.0.2,dhcpstart=10.77.0.50",
					"-device", "virtio-net-pci,netdev=m,mac=52:54:00:00:00:02,romfile=",
				}
			}
			more, sections := "", ""
			if c.packages != "" {
				more = installer.PackageCache(t)
				sections = "%packages --exclude-weakdeps\n" + c.packages + "\n%end\n"
			}
			without := ""
			if c.tool != "ifupdown" {
				more += "services --disabled=networking\n"
				without = "usr/sbin/ifup"
			}
			packed := b.files[imagePath]
			if c.tool == "netplan" {
				packed = wholeImage(t)
			}
			root, tool := installer.Configured(t, packed, without, b.configKickstart(strings.Replace(networkLine, "--device=52:54:00:00:00:01",
				"--device=bond0 --bondslaves=52:54:00:00:00:02,52:54:00:00:00:01 --bondopts=mode=active-backup,miimon=100,primary=52:54:00:00:00:01", 1), more,
				`echo "bond $(cat /sys/class/net/bond0/address) $(ip -br -4 addr show dev bond0 | tr -s ' ') $(cat /sys/class/net/bond0/bonding/slaves) $(cat /sys/class/net/bond0/bonding/mode) primary $(cat /sys/class/net/bond0/bonding/primary)"
busybox wget -q -O /dev/null http://10.77.0.1/i/`+token+`/ks && echo "reached by both"
ip link set dev $(cat /sys/class/net/bond0/bonding/active_slave) down
sleep 1
ping -c 3 -W 5 10.77.0.2 >/dev/null && echo "reached by the other, $(cat /sys/class/net/bond0/bonding/active_slave)"
`, sections))
			if tool != c.tool {
				t.Errorf("the network was written for %q, not for %s", tool, c.tool)
			}
			b.mustTell(b.bootRoot(root), "bond 52:54:00:00:00:02 bond0 UP 10.77.0.11/24", "active-backup 1 primary lan1", "reached by both", "reached by the other, lan0", "failed units 0")
		})
	}
}

// wholeImage is the root that `make image` has built, as it is.
func wholeImage(t *testing.T) string {
	t.Helper()
	images := os.Getenv("RACKHAND_IMAGES")
	m, err := image.Open(images, imagetest.Name)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(images, imagetest.Name, m.Root().Name)
}

// bootRoot boots a root from a disk of its own, which its kernel and initrd come past.
func (b *guestTest) bootRoot(root string) string {
	b.t.Helper()
	kernel, initrd, err := installer.KernelOf(root)
	if err != nil {
		b.t.Fatal(err)
	}
	disk := b.disk("root.raw")
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", root, disk).CombinedOutput(); err != nil {
		b.t.Fatalf("mke2fs: %v %s", err, out)
	}
	return b.boot(false, disk, allOf, 5*time.Minute, "-kernel", kernel, "-initrd", initrd, "-append", "root=/dev/vda rw "+serial)
}
