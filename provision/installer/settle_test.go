package installer

import (
	"errors"
	"os"
	"strings"
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

// TestUSBNamed: a disk on USB is chosen by nobody who doesn't name it, not even when the
// box shows no other: its own may want a driver.
func TestUSBNamed(t *testing.T) {
	disks := []Disk{{Name: "sda"}, {Name: "sdb", USB: true}}
	for name, tt := range map[string]struct {
		disks           []Disk
		onlyUse, ignore []string
		want            string // "" for a refusal
	}{
		"beside another":           {disks, nil, nil, "sda"},
		"named":                    {disks, []string{"sdb"}, nil, "sdb"},
		"alone":                    {disks[1:], nil, nil, ""},
		"alone, named":             {disks[1:], []string{"sd*"}, nil, "sdb"},
		"the other one is ignored": {disks, nil, []string{"sda"}, ""},
	} {
		got, err := chooseDisks(tt.disks, tt.onlyUse, tt.ignore, nil, nil)
		switch {
		case tt.want == "" && (err == nil || !strings.Contains(err.Error(), "on USB")):
			t.Errorf("%s: %v, %v", name, got, err)
		case tt.want != "" && (err != nil || len(got) != 1 || got[0].Name != tt.want):
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	sys := t.TempDir()
	place := sys + "/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb"
	for _, dir := range []string{place + "/device", sys + "/block"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(place+"/size", []byte("8388608\n"), 0o644), os.Symlink(place, sys+"/block/sdb")); err != nil {
		t.Fatal(err)
	}
	if got := findDisks(sys); len(got) != 1 || !got[0].USB {
		t.Errorf("%+v", got)
	}
}
