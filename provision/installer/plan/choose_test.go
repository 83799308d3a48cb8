package plan

import (
	"strings"
	"testing"
)

// TestUSBNamed: a disk on USB is chosen only by its name, even when the
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
}
