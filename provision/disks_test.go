package provision

import (
	"strings"
	"testing"
	"time"
)

func TestOverwritableDisks(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	in := Install{InstallerHeard: at(0), MACs: []string{"52:54:00:00:00:01"}, Blank: DiskIDs(" naa.5000c500a1b2c3d4 short eui.00253856 $(reboot) nvme.x;y eui.0000000000000000 000000000001 " + strings.Repeat("x", 200))}
	if got := in.OverwritableDisks("52:54:00:00:00:01", at(3600), time.Time{}); got != "naa.5000c500a1b2c3d4 eui.00253856" {
		t.Errorf("%q", got)
	}
	if got := in.OverwritableDisks("52:54:00:00:00:99", at(1), time.Time{}); got != "" {
		t.Errorf("in another box: %q", got)
	}
	if got := in.OverwritableDisks("52:54:00:00:00:01", at(3601), time.Time{}); got != "" {
		t.Errorf("an hour after the installer's last word: %q", got)
	}
	if in := in.DropExpiredDisks(at(3600), time.Time{}); len(in.Blank) != 2 {
		t.Errorf("within the hour: %q", in.Blank)
	}
	if in := in.DropExpiredDisks(at(3601), time.Time{}); in.Blank != nil {
		t.Errorf("what has ended would come back with the next report: %q", in.Blank)
	}
	if got := DiskIDs(strings.Repeat("disk-number-1 ", 1000)); len(got) != maxBlank {
		t.Errorf("%d disks", len(got))
	}
}

// The list of overwritable disks expires by the machine's clock too: while the appliance was
// off, somebody may have put something else on it.
func TestOursLapsesByEitherClock(t *testing.T) {
	at := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		counted, wall time.Duration
		keeps         bool
	}{
		"a minute":                           {time.Minute, time.Minute, true},
		"the appliance was off for days":     {2 * time.Minute, 72 * time.Hour, false},
		"two hours, and the clock went back": {2 * time.Hour, -time.Hour, false},
		"the clock went back":                {time.Minute, -time.Hour, false},
		"NTP moved it by seconds":            {time.Minute, -2 * time.Second, true},
	} {
		in := Install{Blank: []string{"naa.5000c500a1b2c3d4"}}.AfterReport(Event{Kind: KindProgress}, at, at)
		if in = in.DropExpiredDisks(at.Add(tc.counted), at.Add(tc.wall)); (in.Blank != nil) != tc.keeps {
			t.Errorf("%s: the disks are %q", name, in.Blank)
		}
	}
}
