//go:build e2e

package installer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/image/imagetest"
)

// kickstart is like the built-in template, with a unit that reports on the
// serial line when the network is up.
func (b *guestTest) kickstart(url, sum, more string) string {
	return `lang C.UTF-8
keyboard us
timezone Etc/UTC --utc
network --bootproto=static --device=52:54:00:00:00:01 --ip=10.77.0.11 --netmask=255.255.255.0 --gateway=10.77.0.2 --nameserver=10.77.0.1 --hostname=web1 --activate
rootpw --plaintext secret-of-root
user --name=op --groups=adm --iscrypted --password=$6$saltsalt$hashhash --shell=/bin/sh
sshkey --username=root "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB op@desk"
sshkey --username=op "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB op@desk"
selinux --disabled
firewall --disabled
zerombr
clearpart --all --initlabel --disklabel=gpt
part biosboot --fstype=biosboot --size=1
part /boot/efi --fstype=efi --size=128
part swap --fstype=swap --size=256
part / --fstype=ext4 --size=1024 --grow
bootloader --append="console=tty0 ` + serial + `"
liveimg --url=` + url + ` --checksum=` + sum + `
reboot
%pre --erroronfail
test -x /bin/sh && wget -q -O /tmp/ks-again http://10.77.0.1/i/` + token + `/ks
%end
%post --nochroot --erroronfail
wget -q -O /mnt/sysimage/root/ks http://10.77.0.1/i/` + token + `/ks
%end
%post --erroronfail --log=/root/post.log
set -e
cat >/usr/local/sbin/told <<'EOF'
#!/bin/sh
{
echo "IT SERVES: $(hostname) $(ip -br -4 addr show scope global | tr -s ' ')"
echo "root is $(findmnt -no FSTYPE /), efi $(findmnt -no FSTYPE /boot/efi), swaps $(tail -n +2 /proc/swaps | wc -l)"
test -d /sys/firmware/efi && echo "firmware uefi" || echo "firmware bios"
echo "key $(stat -c %U:%a /home/op/.ssh/authorized_keys), root $(passwd -S root | cut -d' ' -f2)"
echo "failed units $(systemctl --failed --no-legend | wc -l) $(systemctl --failed --no-legend --plain | cut -d' ' -f1 | tr '\n' ' ')"
echo "THAT IS ALL"
} >/dev/ttyS0
EOF
chmod 755 /usr/local/sbin/told
cat >/etc/systemd/system/told.service <<'EOF'
[Unit]
After=network-online.target
Wants=network-online.target
# The login prompt hangs the line up when it starts (vhangup(2)): what is written then is lost.
Before=serial-getty@ttyS0.service
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/told
[Install]
WantedBy=multi-user.target
EOF
systemctl enable told.service
%end
` + more
}

func (b *guestTest) rootSum() string {
	m, err := image.Open(filepath.Dir(b.image), imagetest.Name)
	if err != nil {
		b.t.Fatal(err)
	}
	return m.Root().SHA256
}

func (b *guestTest) check(text string, wants ...string) {
	b.t.Helper()
	i := strings.Index(text, served)
	if i < 0 {
		b.t.Fatalf("the system doesn't say %q:\n%s", served, tailOf(text))
	}
	lines := text[i:]
	b.t.Log(lines)
	for _, want := range append(wants, "10.77.0.11/24", "root is ext4, efi vfat, swaps 1", "key op:600, root P", "failed units 0") {
		if !strings.Contains(lines, want) {
			b.t.Errorf("the installed system lacks %q", want)
		}
	}
}

func scribble(t *testing.T, disk string, at int64, text string) {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		t.Fatal(err)
	}
}

func diskSum(t *testing.T, disk string) string {
	t.Helper()
	sum, err := imagetest.DiskSum(disk)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
