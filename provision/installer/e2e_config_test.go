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
	"rackhand/provision/installer"
	"rackhand/provision/mirror"
)

const networkLine = "network --bootproto=static --device=52:54:00:00:00:01 --ip=10.77.0.11 --netmask=255.255.255.0 --gateway=10.77.0.2 --nameserver=10.77.0.1 --hostname=web1 --activate\n"

// configKickstart is the bench's Kickstart with other lines for the network, more
// commands, and more that the installed system tells of itself.
func (b *bench) configKickstart(network, more, tells, sections string) string {
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
			b.t.Fatalf("the bench's Kickstart has no %q", r[0])
		}
		ks = strings.Replace(ks, r[0], r[1], 1)
	}
	return ks
}

// mustInstall installs and fails the test unless that went well.
func (b *bench) mustInstall(disk, args string) string {
	b.t.Helper()
	text := b.install(false, disk, args)
	if b.find("installed", "installed") == nil {
		b.t.Fatalf("no installed event; serial line:\n%s", tailOf(text))
	}
	return text
}

func (b *bench) mustTell(text string, wants ...string) {
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
func (b *bench) mirrors() string {
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
func (b *bench) syslogHost() (forward string, lines func() []string) {
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

// Packages through the mirror cache, two cards with a static address on the second,
// and the commands that configure the system.
func TestConfigured(t *testing.T) {
	b := newBench(t)
	disk := b.disk("disk.raw")
	forward, lines := b.syslogHost()
	b.netdev = func(user string) []string { return secondCard(user + forward) }
	b.ks = b.configKickstart(networkLine+"network --bootproto=static --device=52:54:00:00:00:02 --ip=10.88.0.11 --netmask=255.255.255.0 --nodefroute --noipv6 --mtu=1400\n",
		b.mirrors()+`logging --host=10.77.0.1
firewall --enabled --port=8080:tcp,9000-9010:udp --service=http
timesource --ntp-server=10.77.0.1
group --name=ops --gid=4000
user --name=deploy --uid=4001 --gid=4001 --groups=ops,build(4002) --homedir=/srv/deploy --gecos="Deploys it"
lang de_DE.UTF-8 --addsupport=fr_FR.UTF-8
`, `echo "second $(ip -br -4 addr show dev lan1 | tr -s ' ') mtu $(cat /sys/class/net/lan1/mtu)"
echo "package $(dpkg-query -W -f '${Status}' nftables) $(dpkg-query -W -f '${Status}' chrony)"
echo "docs $(find /usr/share/doc/nftables -type f | tr '\n' ' ')"
echo "rules $(nft list ruleset | grep -c dport) $(nft list ruleset | tr -s ' \t\n' ' ' | grep -o 'tcp dport 8080 accept')"
echo "time $(systemctl is-active chrony) $(grep ^server /etc/chrony/chrony.conf)"
echo "deploy $(id deploy) $(stat -c %U /srv/deploy) $(getent passwd deploy | cut -d: -f5)"
echo "locales $(locale -a | tr '\n' ' ')"
echo "sources $(ls /etc/apt/sources.list.d) $(ls /usr/sbin/policy-rc.d 2>&1)"
`, "%packages --excludedocs --exclude-weakdeps --ignoremissing\nnftables\nchrony\nlocales\nno-such-package-here\n-vim\n%end\n")
	text := b.mustInstall(disk, "")
	for _, want := range []string{"%packages: all are installed", "there is no no-such-package-here"} {
		if !b.told(want) {
			t.Errorf("no event says %q", want)
		}
	}
	said := strings.Join(lines(), "\n")
	for _, want := range []string{"<14>1 20", " web1 rackhand-installer ", "Setting up nftables", "the system is installed"} {
		if !strings.Contains(said, want) {
			t.Errorf("the syslog host has not got %q", want)
		}
	}
	if strings.Contains(said, "secret-of-root") || strings.Contains(said, token) {
		t.Error("a secret has gone to the syslog host")
	}
	if i := strings.Index(text, "where the time went"); i >= 0 {
		t.Log(text[i:min(len(text), i+1500)])
	}
	b.mustTell(b.boot(false, disk, allOf, 5*time.Minute), "10.77.0.11/24", "second lan1 UP 10.88.0.11/24  mtu 1400",
		"package install ok installed install ok installed", "docs /usr/share/doc/nftables/copyright ", "tcp dport 8080 accept", "time active server 10.77.0.1 iburst",
		"deploy uid=4001(deploy) gid=4001(deploy) groups=4001(deploy),4000(ops),4002(build) deploy Deploys it",
		"de_DE.utf8", "fr_FR.utf8", "sources rackhand.sources ls: cannot access", "failed units 0")
}

func (b *bench) told(text string) bool {
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
// has: Debian's own, or in an image without that, systemd's, or what %packages brings.
func TestBond(t *testing.T) {
	for _, c := range []struct{ tool, packages string }{
		{"ifupdown", ""}, {"systemd-networkd", ""}, {"NetworkManager", "network-manager"}, {"netplan", "netplan.io"},
	} {
		t.Run(c.tool, func(t *testing.T) {
			b := newBench(t)
			disk := b.disk("disk.raw")
			b.netdev = func(user string) []string {
				return []string{
					"-netdev", user, "-netdev", "user,id=m,restrict=on,net=10.77.0.0/24,host=10.77.0.2,dhcpstart=10.77.0.50",
					"-device", "virtio-net-pci,netdev=m,mac=52:54:00:00:00:02,romfile=",
				}
			}
			more, sections := "", ""
			if c.packages != "" {
				more = b.mirrors()
				sections = "%packages --exclude-weakdeps\n" + c.packages + "\n%end\n"
			}
			if c.tool != "ifupdown" {
				more += "services --disabled=networking\n"
			}
			b.ks = b.configKickstart(strings.Replace(networkLine, "--device=52:54:00:00:00:01",
				"--device=bond0 --bondslaves=52:54:00:00:00:02,52:54:00:00:00:01 --bondopts=mode=active-backup,miimon=100,primary=52:54:00:00:00:01", 1), more,
				`echo "bond $(cat /sys/class/net/bond0/address) $(ip -br -4 addr show dev bond0 | tr -s ' ') $(cat /sys/class/net/bond0/bonding/slaves) $(cat /sys/class/net/bond0/bonding/mode) primary $(cat /sys/class/net/bond0/bonding/primary)"
busybox wget -q -O /dev/null http://10.77.0.1/i/`+token+`/ks && echo "reached by both"
ip link set dev $(cat /sys/class/net/bond0/bonding/active_slave) down
sleep 1
ping -c 3 -W 5 10.77.0.2 >/dev/null && echo "reached by the other, $(cat /sys/class/net/bond0/bonding/active_slave)"
`, sections)
			if c.tool != "ifupdown" {
				sum := b.imageWithout("usr/sbin/ifup")
				b.ks = strings.Replace(b.ks, "/image/root.tar.zst --checksum="+b.rootSum(), "/image/without.tar --checksum="+sum, 1)
			}
			if text := b.mustInstall(disk, ""); !strings.Contains(text, "network, by "+c.tool) {
				t.Errorf("the network was not written for %s", c.tool)
			}
			b.mustTell(b.boot(false, disk, allOf, 5*time.Minute), "bond 52:54:00:00:00:02 bond0 UP 10.77.0.11/24", "active-backup 1 primary lan1", "reached by both", "reached by the other, lan0", "failed units 0")
		})
	}
}

// imageWithout serves the image without a file, as /image/without.tar, and returns
// its checksum.
func (b *bench) imageWithout(file string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, "without.tar")
	out, err := exec.Command("sh", "-c", `zstd -dc "$1" | tar --delete -f - "$2" >"$3" && sha256sum "$3"`, "sh",
		filepath.Join(b.image, image.RootFile), file, path).Output()
	if err != nil {
		b.t.Fatalf("an image without %s: %v", file, err)
	}
	b.files["/image/without.tar"] = path
	return string(out[:64])
}

// The installer, and the system that it installs, in a VLAN: the guest's card is on a
// simulated trunk port, which drops what has no tag of VLAN 10.
func TestVLAN(t *testing.T) {
	b := newBench(t)
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
		"echo \"vlan $(ip -br -4 addr show dev lan0.10 | tr -s ' ')\"\nping -c 3 -W 5 10.77.0.2 >/dev/null && echo 'reached by the VLAN'\n", "")
	b.mustInstall(disk, "ifname=bootnet:52:54:00:00:00:01 vlan=vlan10:bootnet ip=vlan10:dhcp")
	b.mustTell(b.boot(false, disk, allOf, 5*time.Minute), "vlan lan0.10@lan0 UP 10.77.0.11/24", "reached by the VLAN", "failed units 0")
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
	b := newBench(t)
	disk := b.disk("disk.raw")
	before := diskSum(t, disk)
	good := b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), "%onerror\necho ONERROR RAN >/dev/ttyS0\n%end\n")
	for _, c := range []struct{ name, ks, kind, message string }{
		{"a pre that fails", "%pre --erroronfail\necho no room here; exit 3\n%end\n" + good, installer.FailScript, "no room here"},
		{"an unknown command", "frobnicate --all\n" + good, installer.FailKickstart, "there is no command frobnicate"},
		{"a group of packages", good + "%packages\n@core\n%end\n", installer.FailKickstart, "a group makes no sense"},
	} {
		b.ks = c.ks
		text := b.install(false, disk, "")
		if e := b.find("failed", c.kind); e == nil || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %+v", c.name, e)
		}
		if b.find("installed", "installed") != nil || strings.Contains(text, "look at vda") {
			t.Errorf("%s: the disks were looked at", c.name)
		}
		if ran := strings.Contains(text, "ONERROR RAN"); ran != (c.kind == installer.FailScript) {
			t.Errorf("%s: the onerror script ran: %v", c.name, ran)
		}
		if after := diskSum(t, disk); after != before {
			t.Errorf("%s: the disk was written to", c.name)
		}
	}
}
