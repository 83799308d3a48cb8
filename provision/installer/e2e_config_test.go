//go:build e2e

package installer_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rackhand/bootfiles/image"
	"rackhand/provision/installer/plan"
	"rackhand/provision/mirror"
)

const networkLine = "network --bootproto=static --device=52:54:00:00:00:01 --ip=10.77.0.11 --netmask=255.255.255.0 --gateway=10.77.0.2 --nameserver=10.77.0.1 --hostname=web1 --activate\n"

// configKickstart is the test Kickstart with other lines for the network, more
// commands, and more that the installed system reports.
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
func (b *guestTest) mustInstall(disk, args string, more ...string) string {
	b.t.Helper()
	text := b.install(false, disk, args, more...)
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

// anacondaKickstart turns the test Kickstart into one as people have it for Anaconda: another
// payload, groups, an add-on, a unit that isn't there, and a layout that %pre writes, with
// clearpart --none and no partition to boot from. The second result is the arguments of the installer's kernel.
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

// A failure before the disks are changed leaves them as they are.
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
