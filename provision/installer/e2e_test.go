//go:build e2e

package installer_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/installer/plan"
)

const (
	served = "IT SERVES: web1 "
	allOf  = "THAT IS ALL"
)

// A BIOS guest with two cards, a static address on each, gets the system, packages
// through the mirror cache, and what the commands say; then its disk is refused. Its BMC can't
// be set up, which is a warning.
func TestInstallBIOS(t *testing.T) {
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	forward, lines := b.syslogHost()
	b.netdev = func(user string) []string { return secondCard(user + forward) }
	b.ks = b.configKickstart(networkLine+"network --bootproto=static --device=52:54:00:00:00:02 --ip=10.88.0.11 --netmask=255.255.255.0 --nodefroute --noipv6 --mtu=1400\n",
		b.mirrors()+`logging --host=10.77.0.1
firewall --enabled --port=8080:tcp,9000-9010:udp --service=http
timesource --ntp-server=10.77.0.1
group --name=ops --gid=4000
user --name=deploy --uid=4001 --gid=4001 --groups=ops,build(4002) --homedir=/srv/deploy --gecos="Deploys it"
`, `echo "second $(ip -br -4 addr show dev lan1 | tr -s ' ') mtu $(cat /sys/class/net/lan1/mtu)"
echo "package $(dpkg-query -W -f '${Status}' nftables) $(dpkg-query -W -f '${Status}' chrony)"
echo "docs $(find /usr/share/doc/nftables -type f | tr '\n' ' ')"
echo "rules $(nft list ruleset | grep -c dport) $(nft list ruleset | tr -s ' \t\n' ' ' | grep -o 'tcp dport 8080 accept')"
echo "time $(systemctl is-active chrony) $(grep ^server /etc/chrony/chrony.conf)"
echo "deploy $(id deploy) $(stat -c %U /srv/deploy) $(getent passwd deploy | cut -d: -f5)"
echo "sources $(ls /etc/apt/sources.list.d) $(ls /usr/sbin/policy-rc.d 2>&1)"
`, "%packages --excludedocs --exclude-weakdeps --ignoremissing\nnftables\nchrony\nno-such-package-here\n-vim\n%end\n")
	b.serveBMC()
	text := b.mustInstall(disk, bmcArgs, simulatedBMC()...)
	if e := b.find("", "bmc-setup-failed"); e == nil || !strings.Contains(e.Message, "refuses to describe its channels (Get Channel Info) (invalid command, completion code C1h)") {
		t.Errorf("QEMU's BMC: %+v", e)
	}
	if b.find("installer", "started") == nil || b.find("packages", "verified") == nil {
		t.Error("the events of its beginning or of its image are missing")
	}
	for _, want := range []string{"%packages: all are installed", "no package source has no-such-package-here"} {
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
	for _, secret := range []string{"secret-of-root", "hashhash", token} {
		if strings.Contains(said, secret) {
			t.Errorf("%q has gone to the syslog host", secret)
		}
		if secret != token && strings.Contains(text, secret) { // install looks for the token
			t.Errorf("%q is on the console", secret)
		}
	}
	if i := strings.Index(text, "where the time went"); i >= 0 {
		t.Log(text[i:min(len(text), i+1500)])
	}
	b.check(b.boot(false, disk, allOf, 5*time.Minute), "firmware bios", "10.77.0.11/24", "second lan1 UP 10.88.0.11/24  mtu 1400",
		"package install ok installed install ok installed", "docs /usr/share/doc/nftables/copyright ", "tcp dport 8080 accept", "time active server 10.77.0.1 iburst",
		"deploy uid=4001(deploy) gid=4001(deploy) groups=4001(deploy),4000(ops),4002(build) deploy Deploys it",
		"sources rackhand.sources ls: cannot access")

	// The same disk carries a system now: it must be refused, and left as it is.
	before := diskSum(t, disk)
	b.install(false, disk, bmcArgs, simulatedBMC()...)
	if b.find("", "bmc-setup-failed") != nil || b.find("", "bmc-setup") != nil {
		t.Error("the BMC of a box with data on its disk was touched")
	}
	e := b.find("failed", plan.FailDisk)
	if e == nil || !strings.Contains(e.Message, "GPT partition table") || !strings.Contains(e.Message, "ext file system") {
		t.Fatalf("the disk was not refused: %+v", e)
	}
	if after := diskSum(t, disk); after != before {
		t.Error("a refused disk was written to")
	}
}

// An image that isn't the one named leaves a disk that nothing can boot from. The box's BMC is
// set up before.
func TestWrongImage(t *testing.T) {
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	small := filepath.Join(b.dir, "small.tar")
	if out, err := exec.Command("tar", "cf", small, "-C", "/etc", "hostname").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	b.files["/image/small.tar"] = small
	b.ks = b.kickstart("http://10.77.0.1/image/small.tar", strings.Repeat("0", 64), "%onerror\necho ONERROR RAN >/dev/ttyS0\n%end\n")
	sim := bmctest.StartSystemInterface(t)
	b.serveBMC()
	text := b.install(false, disk, bmcArgs, openIPMI(sim)...)
	b.wantBMC(sim, text)
	if e := b.find("failed", plan.FailImage); e == nil || !strings.Contains(e.Message, "SHA-256") {
		t.Fatalf("the image was not refused; serial line:\n%s", tailOf(text))
	}
	if !strings.Contains(text, "ONERROR RAN") {
		t.Error("the onerror script did not run")
	}
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, 1<<20)
	if _, err := f.ReadAt(head, 0); err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(head, "\x00")) > 0 {
		t.Error("the disk's first MiB is not blank")
	}
}
