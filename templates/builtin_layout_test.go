package templates_test

import (
	"strings"
	"testing"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// TestImageLayouts: rackhand-installer can carry out each layout of base.ks, and the layout
// fits its name.
func TestImageLayouts(t *testing.T) {
	two := []any{"/dev/disk/by-id/ata-A", "sdb"}
	for layout, c := range map[string]struct {
		vars map[string]any
		want []string
		not  []string
	}{
		"plain": {nil, []string{"part / --fstype=ext4 --size=1024 --grow"}, []string{"\nraid", "\nlogvol"}},
		"lvm":   {map[string]any{"filesystem": "xfs"}, []string{"logvol / --vgname=system --name=root --fstype=xfs", "part /boot"}, []string{"\nraid"}},
		"raid1": {map[string]any{"disks": two}, []string{
			"part raid.main0 --size=2048 --grow --ondisk=/dev/disk/by-id/ata-A", "raid / --device=root --level=1 --fstype=ext4 raid.main0 raid.main1", "raid swap ",
		}, []string{"\nlogvol"}},
		"raid1-lvm": {map[string]any{"disks": []any{"sda", "sdb", "sdc"}, "volume_group": "vg0"}, []string{
			"raid pv.01 --device=pv --level=1 raid.main0 raid.main1 raid.main2", "volgroup vg0 pv.01", "raid /boot ",
		}, []string{"raid swap"}},
	} {
		vars := map[string]any{"layout": layout}
		for k, v := range c.vars {
			vars[k] = v
		}
		text := render(t, "base.ks", filled("", form{layout, vars}))
		f, err := kickstart.Parse("base.ks", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		problems, err := engine.Check(f, engine.Image)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v\n%s", layout, problems, err, text)
		}
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q:\n%s", layout, w, text)
			}
		}
		for _, n := range c.not {
			if strings.Contains(text, n) {
				t.Errorf("%s has %q", layout, n)
			}
		}
	}
}
