package installer

import (
	"testing"
	"time"
)

// TestSettled: a box whose data disk is there at once, and its blank one two seconds
// later, has several disks of which the Kickstart names none; the first must not be
// taken for the only one.
func TestSettled(t *testing.T) {
	start := time.Unix(1000, 0)
	part := func(disk string) storage {
		return storage{parts: []partition{{content: content{Mount: "/"}, OnDisk: disk}}}
	}
	for name, tt := range map[string]struct {
		r     *Recipe
		first bool // may be chosen at first sight
	}{
		"none named":              {&Recipe{storage: part("")}, false},
		"autopart":                {&Recipe{storage: storage{auto: &autopart{}}}, false},
		"one excluded":            {&Recipe{storage: part(""), ignored: []string{"sdb"}}, false},
		"by pattern":              {&Recipe{storage: part(""), onlyUse: []string{"sd*"}}, false},
		"one of two":              {&Recipe{storage: part(""), onlyUse: []string{"nvme0n1|sda"}}, false},
		"part by pattern":         {&Recipe{storage: part("disk/by-path/pci-*"), onlyUse: []string{"sda"}}, false},
		"named":                   {&Recipe{storage: part(""), onlyUse: []string{"disk/by-id/wwn-0x5000c500a1b2c3d4"}}, true},
		"named by clearpart":      {&Recipe{storage: part(""), clearDrives: []string{"sda"}}, true},
		"each part names its own": {&Recipe{storage: part("sda")}, true},
		"autopart on a named one": {&Recipe{storage: storage{auto: &autopart{}}, onlyUse: []string{"sda"}}, true},
	} {
		w := &diskWatch{}
		w.look([]Disk{{Name: "nvme0n1"}}, start)
		if got := w.settled(tt.r, start); got != tt.first {
			t.Errorf("%s, at first sight: %v", name, got)
		}
		w.look([]Disk{{Name: "nvme0n1"}, {Name: "sda"}}, start.Add(settleTime-1))
		if got := w.settled(tt.r, start.Add(settleTime)); got != tt.first {
			t.Errorf("%s, just after another came: %v", name, got)
		}
		w.look([]Disk{{Name: "nvme0n1"}, {Name: "sda"}}, start.Add(2*settleTime))
		if !w.settled(tt.r, start.Add(2*settleTime)) {
			t.Errorf("%s: none has come for a while", name)
		}
	}
}
