package hardware

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
)

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
	if got, want := FindDisks(sys), []plan.Disk{{Name: "vda", Size: 4 << 30, Sector: 4096, Serial: "S1", Links: []string{"disk/by-id/virtio-S1"}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("disks: got %+v, want %+v", got, want)
	}
	if _, locked := FindAllDisks(sys); len(locked) != 1 || locked[0].Name != "sdb" {
		t.Errorf("write-protected: %+v", locked)
	}
	if got, want := FindNICs(sys), []netconf.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("cards: got %+v, want %+v", got, want)
	}
}
