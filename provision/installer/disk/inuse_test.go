package disk

import (
	"slices"
	"testing"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
)

func TestInUse(t *testing.T) {
	sys := fake.Sysfs(t, map[string]string{
		"block/sda/dev": "8:0\n", "block/sda/sda1/dev": "8:1\n", "block/sda/sda1/partition": "1", "block/sda/sda2/dev": "8:2\n", "block/sda/sda2/partition": "2",
		"block/sda/sda3/dev": "8:3\n", "block/sda/sda3/partition": "3",
		"block/sda/sda1/holders/md127/x": "", "block/sda/holders/dm-0/x": "", "block/dm-0/dm/name": "old-root\n",
		"block/sdb/dev":       "8:16\n",
		"self/mountinfo":      "21 1 8:2 / /mnt rw - ext4 /dev/sda2 rw\n22 1 8:17 / /x rw - ext4 /dev/sdb1 rw\n",
		"swaps":               "Filename Type\n/dev/sda3 partition 1 0 -2\n",
		"block/sda/sda3/size": "9",
	})
	want := []string{"sda is part of old-root, which is running", "sda1 is part of md127, which is running", "sda2 is mounted on /mnt", "sda3 is swap in use"}
	if got := Uses(sys, sys, plan.Disk{Name: "sda"}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := Uses(sys, sys, plan.Disk{Name: "sdb"}); len(got) > 0 {
		t.Errorf("sdb: %q", got)
	}
}
