//go:build e2e

package installer_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/image/imagetest"
	"rackhand/provision/installer"
	"rackhand/provision/installer/plan"
	"rackhand/provision/mirror"
)

const networkLine = "network --bootproto=static --device=52:54:00:00:00:01 --ip=10.77.0.11 --netmask=255.255.255.0 --gateway=10.77.0.2 --nameserver=10.77.0.1 --hostname=web1 --activate\n"

// configKickstart is the test Kickstart with other lines for the network, more
// commands, and more that the installed system tells of itself.
func (b *guestTest) configKickstart(network, more, tells, sections string) string {
	b.t.Helper()
	ks := b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), sections)
	if strings.Contains(more, "firewall ") {
		ks = strings.Replace(ks, "firewall --disabled\n", "", 1)
	}
	for _, r := range [][2]string{
		{networkLine, network + more},
		{"echo \"THAT IS ALL\"", tells + "echo \"THAT IS ALL\""},
	} {
		if !strings.Contains(ks, r[0]) {
			b.t.Fatalf("the test Kickstart has no %q", r[0])
		}
		ks = strings.Replace(ks, r[0], r[1], 1)
	}
	return ks
}

// mustInstall installs and fails the test unless that went well.
func (b *guestTest) mustInstall(disk, args string) string {
	b.t.Helper()
	text := b.install(false, disk, args)
	if b.find("installed", "installed") == nil {
		b.t.Fatalf("no installed event; serial line:\n%s", tailOf(text))
	}
	return text
}

func (b *guestTest) mustTell(text string, wants ...string) {
	b.t.Helper()
	i := strings.Index(text, served)
	if i < 0 {
		b.t.Fatalf("the system doesn't say %q:\n%s", served, tailOf(text))
	}
	b.t.Log(text[i:])
	for _, w := range wants {
		if !strings.Contains(text[i:], w) {
			b.t.Errorf("the installed system lacks %q", w)
		}
	}
}

// secondCard is a card on a network of its own.
func secondCard(user string) []string {
	return []string{
		"-netdev", user, "-netdev", "user,id=m,restrict=on,net=10.88.0.0/24,host=10.88.0.2,dhcpstart=10.88.0.50",
		"-device", "virtio-net-pci,netdev=m,mac=52:54:00:00:00:02,romfile=",
	}
}

// mirrors puts the package cache, over the mirror of this machine's apt, behind the
// guest's server, and returns the Kickstart's repo lines.
func (b *guestTest) mirrors() string {
	b.t.Helper()
	sources, err := image.HostSources("bookworm")
	if err != nil {
		b.t.Fatal(err)
	}
	upstreams := map[string]string{}
	for _, s := range sources {
		switch s.Suite {
		case "bookworm":
			upstreams["debian"] = s.URI
		case "bookworm-security":
			upstreams["debian-security"] = s.URI
		}
	}
	c, err := mirror.New(mirror.Options{Dir: filepath.Join(b.dir, "mirror"), Upstreams: upstreams})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	b.handler = c
	lines := ""
	for name := range upstreams {
		lines += fmt.Sprintf("repo --name=%s --baseurl=http://10.77.0.1/mirror/%s --install\n", name, name)
	}
	return lines
}

// syslogHost listens as a syslog host on a socket of its own, behind the guest's
// 10.77.0.1:514.
func (b *guestTest) syslogHost() (forward string, lines func() []string) {
	b.t.Helper()
	socket := filepath.Join(b.dir, "syslog.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var got []string
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for s := bufio.NewScanner(c); s.Scan(); {
					mu.Lock()
					got = append(got, s.Text())
					mu.Unlock()
				}
			}()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprintf(",guestfwd=tcp:10.77.0.1:514-cmd:/usr/bin/env %s=%s %s", pipeTo, socket, self),
		func() []string { mu.Lock(); defer mu.Unlock(); return append([]string(nil), got...) }
}

func (b *guestTest) told(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if strings.Contains(e.Message, text) {
			return true
		}
	}
	return false
}

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

// anacondaKickstart turns the test Kickstart into one as people have it for Anaconda: another
// payload, groups, an add-on, a unit that isn't there, and a layout that %pre writes, with
// clearpart --none and no partition to boot from. The second result is what the installer's kernel is told.
func (b *guestTest) anacondaKickstart(ks string) (text, args string) {
	b.t.Helper()
	i, j := strings.Index(ks, "zerombr"), strings.Index(ks, "bootloader --append")
	ks = ks[:i] + "%include /tmp/layout.ks\n" + ks[j:] + `%pre
cat >/tmp/layout.ks <<EOF
clearpart --none --initlabel
part /boot --fstype="xfs" --size=256
part pv.01 --fstype="lvmpv" --grow
volgroup rl --pesize=4096 pv.01
logvol swap --fstype="swap" --size=128 --name=swap --vgname=rl
logvol / --fstype="ext4" --size=1024 --grow --name=root --vgname=rl --fsoptions=$(echo noatime)
EOF
# as some do it; what the installer has not looked at must not be written to
dd if=/dev/zero of=/dev/vda bs=512 count=1 >/dev/null 2>&1 && echo THE DISK WAS OPEN >/dev/ttyS0 || echo THE DISK WAS SEALED >/dev/ttyS0
%end
`
	i, j = strings.Index(ks, "liveimg"), strings.Index(ks, "reboot\n")
	return ks[:i] + `url --url=http://mirror/centos/7/os/x86_64
auth --enableshadow --passalgo=sha512
authconfig --enableshadow --enableldap
services --enabled="no-such-unit"
firstboot --enable
` + ks[j:] + "%packages --instLangs=en_US\n@core\n@development\n-iwl*-firmware\n%end\n%addon com_redhat_kdump --enable --reserve-mb='auto'\n\n%end\n",
		"rackhand.unsupported=skip rackhand.image=http://10.77.0.1/image/root.tar.zst rackhand.sha256=" + b.rootSum()
}

// The installer, and the system that it installs, in a VLAN: the guest's card is on a
// simulated trunk port, which drops what has no tag of VLAN 10. Its Kickstart is one that
// was written for Anaconda, of which the rest is passed over.
func TestVLAN(t *testing.T) {
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	trunk := newTrunk(t, 10)
	b.netdev = func(user string) []string {
		return []string{
			"-netdev", strings.Replace(user, "id=n,", "id=u,", 1), "-netdev", "hubport,id=h1,hubid=0,netdev=u",
			"-netdev", "socket,id=s,udp=" + trunk.inside.LocalAddr().String() + ",localaddr=" + trunk.insidePeer.String(),
			"-netdev", "hubport,id=h2,hubid=0,netdev=s",
			"-netdev", "socket,id=n,udp=" + trunk.outside.LocalAddr().String() + ",localaddr=" + trunk.outsidePeer.String(),
		}
	}
	b.ks = b.configKickstart(strings.Replace(networkLine, "--device=52:54:00:00:00:01", "--device=52:54:00:00:00:01 --vlanid=10", 1), "",
		"echo \"vlan $(ip -br -4 addr show dev lan0.10 | tr -s ' ')\"\nping -c 3 -W 5 10.77.0.2 >/dev/null && echo 'reached by the VLAN'\n"+
			"echo \"brought $(findmnt -no SOURCE /) $(findmnt -no FSTYPE /boot) $(findmnt -no FSTYPE /boot/efi) $(findmnt -no OPTIONS / | grep -o noatime)\"\n", "")
	ks, args := b.anacondaKickstart(b.ks)
	b.ks = ks
	if text := b.mustInstall(disk, "ifname=bootnet:52:54:00:00:00:01 vlan=vlan10:bootnet ip=vlan10:dhcp "+args); !strings.Contains(text, "THE DISK WAS SEALED") {
		t.Errorf("a %%pre could write to the disk")
	}
	var passed string
	b.mu.Lock()
	for _, e := range b.events {
		if e.Kind == "passed-over" && e.Level == "warn" {
			passed += e.Message + "\n"
		}
	}
	b.mu.Unlock()
	for _, want := range []string{
		": authconfig --enableshadow --enableldap is passed over", ": firstboot is passed over", ": clearpart --none: only a blank disk",
		": %packages: @development is passed over", ": %packages: -iwl*-firmware is passed over", ": %addon com_redhat_kdump is passed over",
		": part --fstype=xfs is passed over",
	} {
		if !strings.Contains(passed, want) {
			t.Errorf("no event says %q:\n%s", want, passed)
		}
	}
	for _, silent := range []string{"url", "@core", ": auth "} {
		if strings.Contains(passed, silent) {
			t.Errorf("an event tells of %q:\n%s", silent, passed)
		}
	}
	for _, want := range []string{"made on vda: biosboot (1 MiB), /boot/efi (128 MiB)", "services --enabled=no-such-unit is passed over"} {
		if !b.told(want) {
			t.Errorf("no event says %q", want)
		}
	}
	b.mustTell(b.boot(false, disk, allOf, 5*time.Minute), "vlan lan0.10@lan0 UP 10.77.0.11/24", "reached by the VLAN", "failed units 0", "brought /dev/mapper/rl-root ext4 vfat noatime")
}

// A trunk is a simulated switch between two ports that carry one Ethernet frame a
// datagram: outside frames have the VLAN's tag, inside ones none.
type trunk struct {
	outside, inside         *net.UDPConn
	outsidePeer, insidePeer *net.UDPAddr
}

func newTrunk(t *testing.T, vlan uint16) *trunk {
	t.Helper()
	port := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	free := func() *net.UDPAddr { // QEMU's own ends
		c := port()
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr)
	}
	s := &trunk{outside: port(), inside: port(), outsidePeer: free(), insidePeer: free()}
	t.Cleanup(func() { s.outside.Close(); s.inside.Close() })
	pass := func(from, to *net.UDPConn, peer *net.UDPAddr, change func([]byte) []byte) {
		buf := make([]byte, 65536)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			if frame := change(buf[:n]); frame != nil {
				_, _ = to.WriteToUDP(frame, peer) // lost, as on a wire
			}
		}
	}
	go pass(s.outside, s.inside, s.insidePeer, func(f []byte) []byte { // IEEE 802.1Q: type 0x8100 and the tag after both addresses
		if len(f) < 18 || binary.BigEndian.Uint16(f[12:]) != 0x8100 || binary.BigEndian.Uint16(f[14:])&0xfff != vlan {
			return nil
		}
		return append(append([]byte(nil), f[:12]...), f[16:]...)
	})
	go pass(s.inside, s.outside, s.outsidePeer, func(f []byte) []byte {
		if len(f) < 14 {
			return nil
		}
		out := append([]byte(nil), f[:12]...)
		out = append(out, 0x81, 0, byte(vlan>>8), byte(vlan))
		return append(out, f[12:]...)
	})
	return s
}

// What goes wrong before the disks are touched leaves them as they are.
func TestRefusedEarly(t *testing.T) {
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	before := diskSum(t, disk)
	good := b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), "%onerror\necho ONERROR RAN >/dev/ttyS0\n%end\n")
	for _, c := range []struct{ name, ks, kind, message string }{
		{"a pre that fails", "%pre --erroronfail\necho no room here; exit 3\n%end\n" + good, plan.FailScript, "no room here"},
		{"an unknown command", "frobnicate --all\n" + good, plan.FailKickstart, "there is no command frobnicate"},
		{"a command that the engine hasn't got", good + "btrfs none a\n", plan.FailKickstart, "can't carry out btrfs"},
		{"a group of packages", good + "%packages\n@core\n%end\n", plan.FailKickstart, "a group makes no sense"},
	} {
		b.ks = c.ks
		text := b.install(false, disk, "")
		if e := b.find("failed", c.kind); e == nil || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %+v", c.name, e)
		}
		if c.kind == plan.FailKickstart && b.find("installer", "started") != nil {
			t.Errorf("%s: a refused Kickstart has started an install", c.name)
		}
		if b.find("installed", "installed") != nil || strings.Contains(text, "look at vda") {
			t.Errorf("%s: the disks were looked at", c.name)
		}
		if ran := strings.Contains(text, "ONERROR RAN"); ran != (c.kind == plan.FailScript) {
			t.Errorf("%s: the onerror script ran: %v", c.name, ran)
		}
		if after := diskSum(t, disk); after != before {
			t.Errorf("%s: the disk was written to", c.name)
		}
	}
}
