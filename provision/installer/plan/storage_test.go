package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

const storageEnd = `
liveimg --url=http://a/ --checksum=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
clearpart --all
ignoredisk --only-use=sda,sdb
`

const onLVM = `reqpart
part pv.1 --size=9000
volgroup a pv.1
volgroup b pv.2
part pv.2 --size=9000
logvol / --vgname=a --name=root --size=1000
logvol swap --vgname=b --name=swap --size=100
`

const onRAID = `reqpart
part raid.1 --size=9000
part raid.2 --size=9000
raid / --device=r --level=1 raid.1 raid.2
`

// storageOption is a layout, and a word of it with the one that takes its place:
// the plan must become another. nil for options that TestEveryOptionCounts tries.
func storageOption(name string) []string {
	return map[string][]string{
		"autopart --type":      {"autopart\n", "autopart", "autopart --type=plain"},
		"autopart --nolvm":     {"autopart\n", "autopart", "autopart --nolvm"},
		"autopart --nohome":    {"autopart --nolvm\n", "autopart", "autopart --nohome"},
		"autopart --noboot":    {"autopart\n", "autopart", "autopart --noboot"},
		"autopart --noswap":    {"autopart\n", "autopart", "autopart --noswap"},
		"autopart --fstype":    {"autopart\n", "autopart", "autopart --fstype=xfs"},
		"reqpart --add-boot":   {onRAID, "reqpart", "reqpart --add-boot"},
		"part --recommended":   {"reqpart\npart swap --size=9\npart / --size=500\n", "--size=9", "--recommended"},
		"raid --device":        {onRAID, "device=r", "device=x"},
		"raid --level":         {onRAID, "level=1", "level=0"},
		"raid --fstype":        {onRAID, "level=1", "level=1 --fstype=xfs"},
		"raid --label":         {onRAID, "level=1", "level=1 --label=q"},
		"raid --fsoptions":     {onRAID, "level=1", "level=1 --fsoptions=q"},
		"logvol --vgname":      {onLVM, "vgname=b", "vgname=a"},
		"logvol --name":        {onLVM, "name=root", "name=q"},
		"logvol --fstype":      {onLVM, "name=root", "name=root --fstype=xfs"},
		"logvol --size":        {onLVM, "size=1000", "size=1001"},
		"logvol --grow":        {onLVM, "size=1000", "size=1000 --grow"},
		"logvol --maxsize":     {strings.Replace(onLVM, "size=1000", "size=1000 --grow", 1), "--grow", "--grow --maxsize=2000"},
		"logvol --percent":     {onLVM, "--size=1000", "--percent=40"},
		"logvol --recommended": {onLVM, "--size=100\n", "--recommended\n"},
		"logvol --label":       {onLVM, "name=root", "name=root --label=q"},
		"logvol --fsoptions":   {onLVM, "name=root", "name=root --fsoptions=q"},
	}[name]
}

func TestEveryStorageOptionCounts(t *testing.T) {
	tried := 0
	for _, rule := range engine.Commands() {
		for _, o := range rule.Options {
			name := rule.Names[0] + " " + o.Flag
			c := storageOption(name)
			if c == nil {
				continue
			}
			tried++
			facts := mirrorDisks()
			facts.Disks[0].Size = 200 << 30 // room for /home
			first, err1 := planAll(t, c[0]+storageEnd, facts)
			second, err2 := planAll(t, strings.Replace(c[0], c[1], c[2], 1)+storageEnd, facts)
			switch {
			case err1 != nil || err2 != nil:
				t.Errorf("%s: %v, %v", name, err1, err2)
			case first == second:
				t.Errorf("%s changes nothing in the plan", name)
			}
		}
	}
	if tried != 23 {
		t.Errorf("%d options were tried", tried)
	}
}

func TestStorageErrors(t *testing.T) {
	for _, c := range []struct{ name, layout, old, with, want string }{
		{"a volume group too small", onLVM, "size=1000", "size=99000", "volume group a has room for 8996 MiB; its volumes need 99000 MiB"},
		{"no room for a share", strings.Replace(onLVM, "logvol swap --vgname=b --name=swap --size=100", "logvol /x --vgname=a --name=x --size=0 --percent=1\nlogvol /y --vgname=a --name=y --size=8000", 1), "", "", "its volumes need"},
		{"both members on one disk", onRAID, "part raid.1 --size=9000\npart raid.2 --size=9000", "part raid.1 --size=9000 --ondisk=sda\npart raid.2 --size=9000 --ondisk=sda", "two of its members are on disk sda"},
		{"three members, two disks", onRAID, "part raid.1 --size=9000\n", "part raid.1 --size=9000\npart raid.3 --size=9000\n", "raid.3 is part of nothing"},
		{"a member too many", onRAID, "raid.1 raid.2", "raid.1 raid.2 raid.3\npart raid.3 --size=9000", "no disk is left for raid.3"},
		{"a disk too small", onRAID, "part raid.2 --size=9000", "part raid.2 --size=90000", "disk sdb (44.0 GB) has room for"},
		{"xfs too small", onLVM, "size=1000", "percent=1 --fstype=xfs", "/ would have 88 MiB, and mkfs.xfs"},
		{"boot drive", onRAID, "reqpart", "reqpart\nbootloader --boot-drive=sdc", "--boot-drive=sdc is not among"},
	} {
		_, err := planText(t, strings.Replace(c.layout, c.old, c.with, 1)+storageEnd, mirrorDisks())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// Two paths to one disk are refused, by whichever they are named; two disks that
// the plan leaves alone are not.
func TestMultipath(t *testing.T) {
	facts := mirrorDisks()
	facts.Disks = append(facts.Disks, Disk{Name: "sdc", Size: 40 << 30, Sector: 512, WWN: facts.Disks[1].WWN})
	_, err := planText(t, onRAID+storageEnd, facts)
	if err == nil || !strings.Contains(err.Error(), "disks sdb and sdc are two paths to one (WWID naa.5000000000000002)") {
		t.Errorf("got %v", err)
	}
	_, err = planText(t, strings.Replace(onLVM+storageEnd, "sda,sdb", "sda", 1), facts)
	if err != nil {
		t.Errorf("another disk's paths: %v", err)
	}
}

// A RAID 1 without /boot on it leaves the firmware's partitions alone.
func TestMirrorFirmware(t *testing.T) {
	for name, c := range map[string]struct {
		layout string
		want   []string
	}{
		"root":         {onRAID, []string{"sda", "sdb"}},
		"level 0":      {strings.Replace(onRAID, "level=1", "level=0", 1), nil},
		"data only":    {strings.Replace(onRAID, "raid / ", "part / --size=500\nraid /srv ", 1), nil},
		"boot apart":   {onRAID + "part /boot --size=500\n", nil},
		"below LVM":    {strings.Replace(onRAID, "raid / ", "volgroup v pv.1\nlogvol / --vgname=v --name=r --size=900\nraid pv.1 ", 1), []string{"sda", "sdb"}},
		"LVM of two":   {strings.Replace(onRAID, "raid / ", "part pv.2 --size=900\nvolgroup v pv.1 pv.2\nlogvol / --vgname=v --name=r --size=900\nraid pv.1 ", 1), nil},
		"LVM of disks": {onLVM, nil},
	} {
		f, err := kickstart.Parse("t.ks", []byte(c.layout+storageEnd))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		facts := mirrorDisks()
		p, err := planStorage(r.storage, facts.Disks, facts.Memory, firmware{}, counting())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(p.mirrored, c.want) {
			t.Errorf("%s: each of %v boots alone, want %v", name, p.mirrored, c.want)
		}
		disks, err := p.bootDisks("")
		if err != nil || len(disks) != max(1, len(c.want)) {
			t.Errorf("%s: GRUB goes to %v, %v", name, disks, err)
		}
	}
}

func TestSwapSize(t *testing.T) {
	for _, c := range [][3]int64{{1024, 1 << 20, 2048}, {4096, 1 << 20, 4096}, {16384, 1 << 20, 8192}, {1 << 20, 1 << 20, 4096}, {4096, 10000, 1000}, {0, 1 << 20, 64}} {
		if got := swapSize(c[0], c[1]); got != c[2] {
			t.Errorf("memory %d, disk %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// Planning changes nothing: it is done again until the disks have shown up.
func TestPlanIsPure(t *testing.T) {
	for _, name := range []string{"raid1", "raid1-lvm", "raid0", "autopart"} {
		f, err := kickstart.Parse("t.ks", []byte(readFile(t, "testdata/plans/"+name+".ks")))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(f)
		if err != nil {
			t.Fatal(err)
		}
		facts := mirrorDisks()
		if name == "autopart" {
			facts = oneDisk()
		}
		var first string
		for range 3 {
			steps, err := Plan(r, facts, Overwrite{}, counting())
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = fmt.Sprintf("%+v", steps)
			} else if again := fmt.Sprintf("%+v", steps); again != first {
				t.Errorf("%s: another plan:\n%s\n%s", name, first, again)
			}
		}
	}
}
