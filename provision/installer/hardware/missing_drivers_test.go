package hardware

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUndriven(t *testing.T) {
	sys := t.TempDir()
	for name, class := range map[string]string{
		"0000:00:1f.2": "0x010601", "0000:01:00.0": "0x020000", "0000:01:00.1": "0x020000", "0000:02:00.0": "0x0c0400",
	} {
		dir := filepath.Join(sys, "bus/pci/devices", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"class": class, "vendor": "0x14e4", "device": "0x1639"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink("../../drivers/bnx2", filepath.Join(sys, "bus/pci/devices/0000:01:00.0/driver")); err != nil {
		t.Fatal(err)
	}
	for class, want := range map[string][]string{
		PCINetwork: {"0000:01:00.1 (14e4:1639)"},
		PCIStorage: {"0000:00:1f.2 (14e4:1639)"},
		"09":       nil,
	} {
		if d := cmp.Diff(want, WithoutDriver(sys, class)); d != "" {
			t.Errorf("class %s (-want +got):\n%s", class, d)
		}
	}
}

func TestLackingFirmware(t *testing.T) {
	got := missingFirmware([]string{
		"e1000e 0000:00:19.0: Interrupt Throttling Rate (ints/sec) set to dynamic",
		"bnx2 0000:01:00.0: firmware: failed to load bnx2/bnx2-mips-09-6.2.1b.fw (-2)",
		"bnx2 0000:01:00.0: Direct firmware load for bnx2/bnx2-mips-09-6.2.1b.fw failed with error -2",
		"r8169 0000:02:00.0: Direct firmware load for rtl_nic/rtl8168g-3.fw failed with error -2",
		"firmware_class: See https://wiki.debian.org/Firmware for information about missing firmware",
		"platform regulatory.0: Direct firmware load for regulatory.db failed with error -2",
		"",
	})
	want := []string{"bnx2 0000:01:00.0: bnx2/bnx2-mips-09-6.2.1b.fw", "r8169 0000:02:00.0: rtl_nic/rtl8168g-3.fw"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
