package hardware

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/installer/fake"
)

// loaderFor is a loader with these indexes; it records the modules that it loads.
func loaderFor(t *testing.T, dep, alias, softdep string) (*ModuleLoader, *[]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"modules.dep": dep, "modules.alias": alias, "modules.softdep": softdep} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	l, err := newModuleLoader(dir, func(f string) error {
		got = append(got, strings.TrimSuffix(filepath.Base(f), ".ko"))
		if strings.Contains(f, "broken") {
			return errors.New("exec format error")
		}
		return nil
	}, fake.NoLog)
	if err != nil {
		t.Fatal(err)
	}
	return l, &got
}

func TestModuleOrder(t *testing.T) {
	const dep = `kernel/drivers/net/r8169.ko: kernel/drivers/net/libphy.ko
kernel/drivers/net/libphy.ko:
kernel/drivers/net/phy/realtek.ko: kernel/drivers/net/libphy.ko
kernel/ipmi/ipmi_msghandler.ko:
kernel/ipmi/ipmi_si.ko: kernel/ipmi/ipmi_msghandler.ko
kernel/ipmi/ipmi_devintf.ko: kernel/ipmi/ipmi_msghandler.ko
kernel/mlx4_core.ko:
kernel/mlx4_en.ko: kernel/mlx4_core.ko
kernel/a.ko:
kernel/b.ko:
kernel/broken.ko:
kernel/crypto/crc32c-intel.ko:
kernel/platform/dmi-one.ko:
`
	const alias = `alias pci:v000010ECd00008168sv*sd*bc*sc*i* r8169
alias pci:v000015B3d00001003sv*sd*bc*sc*i* mlx4_core
alias pci:v000010ECd00008168sv*sd*bc*sc*i* broken
alias crypto-crc32c crc32c_intel
alias dmi:*:svnACME*:pnModel* dmi_one
alias usb:v*p*d*dc*dsc*dp*ic03isc*ip*in* b
not an alias
`
	const softdep = `softdep r8169 pre: realtek
softdep ipmi_msghandler post: ipmi_devintf
softdep a pre: b crypto-crc32c post: nothing-there
softdep b pre: a
softdep cifs gcm
`
	for _, c := range []struct {
		name string
		want []string
	}{
		// the softdep first, then what it depends on, then itself
		{"pci:v000010ECd00008168sv00001849sd00008168bc02sc00i00", []string{"libphy", "realtek", "r8169", "broken"}},
		{"ipmi_si", []string{"ipmi_msghandler", "ipmi_devintf", "ipmi_si"}},
		{"ipmi-msghandler", []string{"ipmi_msghandler", "ipmi_devintf"}},
		{"pci:v000015B3d00001003sv0sd0bc02sc00i00", []string{"mlx4_core", "mlx4_en"}},
		{"a", []string{"b", "crc32c-intel", "a"}}, // in a circle
		{"dmi:bvnX:bd01/02/2026:svnACME/Inc:pnModel 7/8:", []string{"dmi-one"}},
		{"usb:v046DpC31Cd6402dc00dsc00dp00ic03isc01ip01in00", []string{"crc32c-intel", "a", "b"}},
		{"pci:v0000FFFFd00000001", nil},
		{"[", nil},
	} {
		l, got := loaderFor(t, dep, alias, softdep)
		l.Load(c.name)
		if d := cmp.Diff(c.want, *got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
		n := len(*got)
		if l.Load(c.name); len(*got) != n {
			t.Errorf("%s: loaded twice", c.name)
		}
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
	l, err := newModuleLoader(dir, func(f string) error { got = append(got, filepath.Base(f)); return nil }, fake.NoLog)
	if err != nil {
		t.Fatal(err)
	}
	l.Load("ext4")
	l.Load("ext4")
	l.Load("not-there")
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
	if _, err := newModuleLoader(t.TempDir(), nil, fake.NoLog); err == nil {
		t.Error("a folder without modules.dep was taken")
	}
}
