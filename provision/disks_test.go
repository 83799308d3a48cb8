package provision

import (
	"strings"
	"testing"
)

func TestOurs(t *testing.T) {
	in := Install{MACs: []string{"52:54:00:00:00:01"}, Blank: DiskIDs(" naa.5000c500a1b2c3d4 short eui.00253856 $(reboot) nvme.x;y  " + strings.Repeat("x", 200))}
	if got := in.Ours("52:54:00:00:00:01"); got != "naa.5000c500a1b2c3d4 eui.00253856" {
		t.Errorf("%q", got)
	}
	if got := in.Ours("52:54:00:00:00:99"); got != "" {
		t.Errorf("in another box: %q", got)
	}
	if got := DiskIDs(strings.Repeat("disk-number-1 ", 1000)); len(got) != maxBlank {
		t.Errorf("%d disks", len(got))
	}
}
