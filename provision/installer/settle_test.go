package installer

import (
	"testing"
	"time"

	"rackhand/provision/installer/plan"
)

// TestSettled: a box whose data disk is there at once, and its blank one two seconds
// later, has several disks of which the Kickstart names none; the first must not be
// taken for the only one.
func TestSettled(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, tt := range map[string]struct {
		lines string
		first bool // may be chosen at first sight
	}{
		"none named":              {"part / --size=1000", false},
		"autopart":                {"autopart", false},
		"one excluded":            {"part / --size=1000\nignoredisk --drives=sdb", false},
		"by pattern":              {"part / --size=1000\nignoredisk --only-use=sd*", false},
		"one of two":              {"part / --size=1000\nignoredisk --only-use=nvme0n1|sda", false},
		"part by pattern":         {"part / --size=1000 --ondisk=disk/by-path/pci-*\nignoredisk --only-use=sda", false},
		"named":                   {"part / --size=1000\nignoredisk --only-use=disk/by-id/wwn-0x5000c500a1b2c3d4", true},
		"named by clearpart":      {"part / --size=1000\nclearpart --all --drives=sda", true},
		"each part names its own": {"part / --size=1000 --ondisk=sda", true},
		"autopart on a named one": {"autopart\nignoredisk --only-use=sda", true},
	} {
		r := recipeAs(t, skipping(), tt.lines+"\n")
		w := &diskWatch{}
		w.look([]plan.Disk{{Name: "nvme0n1"}}, start)
		if got := w.settled(r, start); got != tt.first {
			t.Errorf("%s, at first sight: %v", name, got)
		}
		w.look([]plan.Disk{{Name: "nvme0n1"}, {Name: "sda"}}, start.Add(settleTime-1))
		if got := w.settled(r, start.Add(settleTime)); got != tt.first {
			t.Errorf("%s, just after another came: %v", name, got)
		}
		w.look([]plan.Disk{{Name: "nvme0n1"}, {Name: "sda"}}, start.Add(2*settleTime))
		if !w.settled(r, start.Add(2*settleTime)) {
			t.Errorf("%s: none has come for a while", name)
		}
	}
}
