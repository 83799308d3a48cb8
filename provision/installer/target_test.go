package installer

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A link where a file is to be must be replaced, and one on the way must not
// lead out of the target.
func TestWriteFile(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "target")
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(outside, "victim")
	for link, to := range map[string]string{"etc/resolv.conf": victim, "etc/out": outside} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := writeFile(root, "/etc/resolv.conf", 0o644, "text"); err != nil {
		t.Fatal(err)
	}
	st, err := os.Lstat(filepath.Join(dir, "etc/resolv.conf"))
	if err != nil || !st.Mode().IsRegular() || st.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", st, err)
	}
	if err := writeFile(root, "/etc/out/victim", 0o644, "text"); err == nil {
		t.Error("a file was written outside of the target")
	}
	if _, err := os.Lstat(victim); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the victim: %v", err)
	}
}

func TestFindUser(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\nop:x:1000:1001::/home/op:/bin/sh\nnohome:x:1:1:::\nshort:x:1\n"
	u, err := findUser(passwd, "op")
	if err != nil || u != (passwdUser{"/home/op", 1000, 1001}) {
		t.Errorf("%+v, %v", u, err)
	}
	for _, name := range []string{"nohome", "short", "nobody"} {
		if u, err := findUser(passwd, name); err == nil {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestSetKey(t *testing.T) {
	if got := setKey("# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n", "SELINUX", "disabled"); got != "# c\nSELINUXTYPE=targeted\nSELINUX=disabled\n" {
		t.Errorf("got %q", got)
	}
}

func TestRemovablePath(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.MkdirAll("boot/efi/EFI/debian", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := removablePath(root); err == nil {
		t.Error("no GRUB, and no error")
	}
	if err := root.WriteFile("boot/efi/EFI/debian/grubx64.efi", []byte("grub"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := removablePath(root); err != nil {
		t.Fatal(err)
	}
	if b, err := root.ReadFile("boot/efi/EFI/BOOT/BOOTX64.EFI"); err != nil || string(b) != "grub" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestModuleLoader(t *testing.T) {
	dir, sys := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"modules.dep": "kernel/fs/ext4.ko: kernel/fs/jbd2.ko kernel/lib/crc16.ko\nkernel/fs/jbd2.ko:\nkernel/lib/crc16.ko:\n" +
			"kernel/crypto/crc32c_generic.ko:\nkernel/net/virtio-net.ko: kernel/net/failover.ko\nkernel/net/failover.ko:\n",
		"modules.alias":   "# c\nalias crc32c crc32c_generic\nalias virtio:d00000001v* virtio_net\nalias broken\n",
		"modules.softdep": "# c\nsoftdep ext4 pre: crc32c post: x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	l, err := newModuleLoader(dir, func(f string) error { got = append(got, filepath.Base(f)); return nil }, fake.Quiet)
	if err != nil {
		t.Fatal(err)
	}
	l.add("ext4")
	l.add("ext4")
	l.add("not-there")
	device := filepath.Join(sys, "devices/pci0/virtio0")
	if err := os.MkdirAll(device, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(device, "modalias"), []byte("virtio:d00000001v00001AF4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !l.scan(sys) || l.scan(sys) {
		t.Error("the device is new once")
	}
	want := []string{"crc32c_generic.ko", "crc16.ko", "jbd2.ko", "ext4.ko", "failover.ko", "virtio-net.ko"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := newModuleLoader(t.TempDir(), nil, fake.Quiet); err == nil {
		t.Error("a folder without modules.dep was taken")
	}
}

func TestSysfs(t *testing.T) {
	sys := t.TempDir()
	for name, text := range map[string]string{
		"block/vda/size": "8388608", "block/vda/serial": "S1\n", "block/vda/device/x": "", "block/vda/queue/logical_block_size": "4096",
		"block/sda/size": "8388608", "block/sda/device/model": "  A   B \n", "block/sda/removable": "1",
		"block/sdb/size": "8388608", "block/sdb/ro": "1", "block/sdb/device/x": "",
		"block/nvme0c0n1/size": "8388608", "block/nvme0c0n1/device/x": "", "block/nvme0c0n1/hidden": "1\n",
		"block/sdc/size": "100", "block/sdc/device/x": "",
		"block/loop0/size": "8388608", "block/dm-0/size": "8388608", "block/zz/size": "8388608",
		"class/net/eth0/address": "52:54:00:00:00:01\n", "class/net/eth0/device/x": "",
		"class/net/lo/address": "00:00:00:00:00:00\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(sys, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sys, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := findDisks(sys), []plan.Disk{{Name: "vda", Size: 4 << 30, Sector: 4096, Serial: "S1", Links: []string{"disk/by-id/virtio-S1"}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("disks: got %+v, want %+v", got, want)
	}
	if _, locked := lookForDisks(sys); len(locked) != 1 || locked[0].Name != "sdb" {
		t.Errorf("write-protected: %+v", locked)
	}
	if got, want := findNICs(sys), []netconf.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("cards: got %+v, want %+v", got, want)
	}
}

func TestReadLease(t *testing.T) {
	ip := func(s string) net.IP { return net.ParseIP(s).To4() }
	_, far, _ := net.ParseCIDR("10.0.0.0/8")
	for _, c := range []struct {
		name   string
		mods   []dhcpv4.Modifier
		want   string // address and routes
		refuse bool
	}{
		{"router", []dhcpv4.Modifier{dhcpv4.WithYourIP(ip("10.1.0.5")), dhcpv4.WithNetmask(net.CIDRMask(16, 32)), dhcpv4.WithOption(dhcpv4.OptRouter(ip("10.1.0.1"), ip("10.1.0.2")))}, "10.1.0.5/16 0.0.0.0/0>10.1.0.1", false},
		{"classless", []dhcpv4.Modifier{
			dhcpv4.WithYourIP(ip("10.1.0.5")), dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithOption(dhcpv4.OptRouter(ip("10.1.0.1"))),
			dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(&dhcpv4.Route{Dest: far, Router: ip("10.1.0.3")})),
		}, "10.1.0.5/24 10.0.0.0/8>10.1.0.3", false},
		{"no mask", []dhcpv4.Modifier{dhcpv4.WithYourIP(ip("10.1.0.5"))}, "10.1.0.5/24", false},
		{"no address", nil, "", true},
	} {
		ack, err := dhcpv4.New(c.mods...)
		if err != nil {
			t.Fatal(err)
		}
		l, err := readLease("eth0", ack)
		if c.refuse {
			if err == nil {
				t.Errorf("%s: %+v", c.name, l)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := l.Address.String()
		for _, r := range l.Routes {
			got += " " + r.Dest.String() + ">" + r.Router.String()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTimingTable(t *testing.T) {
	got := timingTable([]timing{{"plan.ImageStep", 2 * time.Second}, {"x", time.Millisecond}, {"plan.ImageStep", time.Second}})
	if got != "where the time went:\n  image                 3.0 s\n  all                   3.0 s" {
		t.Errorf("got %q", got)
	}
}

func TestRunLimits(t *testing.T) {
	m := &machine{Log: report.Log{Con: report.NewConsole(time.Now, report.NewRedactor().Clean)}}
	err := m.run(t.Context(), "", time.Minute, nil, "", "/bin/sh", "-c", "echo why; exit 3")
	if err == nil || err.Error() != "sh: exit status 3: why" {
		t.Errorf("got %v", err)
	}
	err = m.run(t.Context(), "", 50*time.Millisecond, nil, "", "/bin/sh", "-c", "sleep 60 & sleep 60")
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.run(ctx, "", time.Minute, nil, "", "/bin/sh", "-c", "true"); err == nil {
		t.Error("a program was started after all was cancelled")
	}
}
