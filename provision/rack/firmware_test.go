package rack

import (
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFirmwareArgs compares the whole command line of every kind of box.
func TestFirmwareArgs(t *testing.T) {
	for name, change := range map[string]func(*BoxOptions){
		"bios":             func(*BoxOptions) {},
		"uefi":             func(b *BoxOptions) { b.Firmware = UEFI },
		"uefi-http":        func(b *BoxOptions) { b.Firmware, b.HTTPBoot = UEFI, true },
		"uefi-ipxe-rom":    func(b *BoxOptions) { b.Firmware, b.IPXEROM = UEFI, true },
		"secure-boot":      func(b *BoxOptions) { b.Firmware, b.SecureBoot = UEFI, true },
		"arm64":            func(b *BoxOptions) { b.Firmware, b.Arch = UEFI, ARM64 },
		"arm64-http":       func(b *BoxOptions) { b.Firmware, b.Arch, b.HTTPBoot = UEFI, ARM64, true },
		"raid":             func(b *BoxOptions) { b.MoreDisks, b.MoreNICs = []int{4}, secondCard() },
		"sata":             func(b *BoxOptions) { b.Firmware, b.DiskBus, b.MoreDisks = UEFI, SATA, []int{4} },
		"nvme-pulled":      func(b *BoxOptions) { b.Firmware, b.DiskBus, b.MoreDisks = UEFI, NVMe, []int{4, 8} },
		"arm64-secureboot": func(b *BoxOptions) { b.Firmware, b.Arch, b.SecureBoot = UEFI, ARM64, true },
	} {
		t.Run(name, func(t *testing.T) {
			b := goodBox()
			change(&b)
			o, err := Options{Log: slog.New(slog.DiscardHandler), Boxes: []BoxOptions{b}}.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			// KVM, to see that an arm64 box is still emulated.
			disks := []string{"/d/a.raw"}
			for i := range b.MoreDisks {
				disks = append(disks, fmt.Sprintf("/d/a%d.raw", i+1))
			}
			m := machine{box: o.Boxes[0], accel: accelKVM, taps: b.taps(0), disks: disks, serial: "/d/s.log"}
			if m.box.firmware().vars != "" {
				m.vars = "/d/vars.fd"
			}
			got := strings.ReplaceAll(m.program()+" "+strings.Join(m.args(BootPXE, map[int]bool{1: name == "nvme-pulled"}), " ")+"\n", " -", "\n-")
			golden(t, name+".args", got)
		})
	}
}

func secondCard() []net.HardwareAddr {
	return []net.HardwareAddr{{0x52, 0x54, 0, 0, 1, 1}}
}

// TestRequirePrograms names each missing file once, with its package. The files
// of the box are looked for where Debian has them, so what is missing here
// depends on the machine; a machine that has them all says nothing.
func TestRequirePrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	arm := goodBox()
	arm.Name, arm.MAC, arm.Firmware, arm.Arch = "arm", net.HardwareAddr{0x52, 0x54, 0, 0, 0, 2}, UEFI, ARM64
	err := requirePrograms([]BoxOptions{goodBox(), goodBox(), arm})
	if err == nil {
		t.Fatal("no error without any program")
	}
	for _, want := range []string{"qemu-system-x86_64", "install qemu-system-x86", "qemu-system-aarch64", "install qemu-system-arm"} {
		if strings.Count(err.Error(), want) == 0 {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "qemu-system-x86_64"); n != 1 {
		t.Errorf("one program is named %d times: %v", n, err)
	}
	if err := requirePrograms(nil); err != nil {
		t.Errorf("a rack without boxes: %v", err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}
