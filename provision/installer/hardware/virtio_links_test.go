package hardware

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestVirtioLinks(t *testing.T) {
	sys := t.TempDir()
	for name, driver := range map[string]string{"eth0": "virtio/drivers/virtio_net", "eno1": "pci/drivers/igb", "bond0": ""} {
		device := filepath.Join(sys, "class/net", name, "device")
		if driver == "" { // made of others
			device = filepath.Dir(device)
		}
		if err := os.MkdirAll(device, 0o755); err != nil {
			t.Fatal(err)
		}
		if driver == "" {
			continue
		}
		folder := filepath.Join(sys, "bus", driver)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(folder, filepath.Join(device, "driver")); err != nil {
			t.Fatal(err)
		}
	}
	if got := VirtioLinks(sys); !slices.Equal(got, []string{"eth0"}) {
		t.Errorf("virtioLinks: %q", got)
	}
}
