package engine

import (
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

const storageHead = `liveimg --url=http://a/ --checksum=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
clearpart --all
`

// raidLines lay two disks out as a mirror with LVM on it.
const raidLines = `part raid.e0 --size=200 --ondisk=sda
part raid.e1 --size=200 --ondisk=sdb
part raid.b0 --size=500 --ondisk=sda
part raid.b1 --size=500 --ondisk=sdb
part raid.p0 --size=4000 --grow --ondisk=sda
part raid.p1 --size=4000 --grow --ondisk=sdb
raid /boot/efi --device=efi --level=1 --fstype=efi raid.e0 raid.e1
raid /boot --device=boot --level=RAID1 --fstype=xfs raid.b0 raid.b1
raid pv.01 --device=pv --level=1 raid.p0 raid.p1
volgroup system pv.01
logvol swap --vgname=system --name=swap --recommended
logvol / --vgname=system --name=root --fstype=xfs --size=2000 --grow
logvol /srv --vgname=system --name=srv --percent=20
`

func TestImageStorage(t *testing.T) {
	for _, c := range []struct{ name, old, with, want string }{
		{"as it is", "", "", ""},
		{"raid 5", "--level=RAID1", "--level=5", "can't carry out raid --level=5 (it can do 1, 0,"},
		{"raid 0 for the ESP", "efi --level=1", "efi --level=0", "firmware reads no EFI system partition on RAID 0"},
		{"encrypted", "--percent=20", "--percent=20 --encrypted --passphrase=x", "can't carry out logvol --encrypted"},
		{"thin pool", "--percent=20", "--size=100 --thinpool", "can't carry out logvol --thinpool"},
		{"btrfs", "--fstype=xfs --size", "--fstype=btrfs --size", "can't carry out logvol --fstype=btrfs"},
		{"a volume group that isn't there", "vgname=system --name=srv", "vgname=other --name=srv", "there is no volume group other"},
		{"a second volume", "--name=srv", "--name=root", "a second volume system/root; the first is in line 14"},
		{"a second group", "volgroup system pv.01", "volgroup system pv.01\nvolgroup system pv.01", "a second volume group system"},
		{"a member twice", "raid.b0 raid.b1", "raid.b0 raid.b0", "raid.b0 is used twice"},
		{"one member", "raid.b0 raid.b1", "raid.b0", "an array needs two members"},
		{"a member that isn't there", "raid.b0 raid.b1", "raid.b0 raid.b1 raid.b2", "raid.b2 is not laid out"},
		{"a member of the wrong kind", "system pv.01", "system raid.b0 pv.01", "raid.b0 can't be part of a volgroup"},
		{"a member of nothing", "volgroup", "part raid.x --size=5\nvolgroup", "raid.x is part of nothing"},
		{"a member laid out twice", "part raid.e1", "part raid.e0", "raid.e0 is laid out twice"},
		{"a file system on a member", "part raid.e0", "part raid.e0 --fstype=ext4", "raid.e0 has no --fstype"},
		{"ESP on LVM", "logvol /srv", "logvol /boot/efi", "/boot/efi is laid out twice"},
		{"biosboot on RAID", "raid /boot --device=boot --level=RAID1 --fstype=xfs", "raid biosboot --device=boot --level=RAID1", "GRUB's own partition can't be on RAID"},
		{"nested arrays", "raid /boot --device=boot --level=RAID1 --fstype=xfs", "raid raid.x --device=boot --level=RAID1", "an array of arrays"},
		{"percent and size", "--percent=20", "--percent=20 --size=5", "--size and --percent exclude each other"},
		{"recommended root", "--size=2000 --grow", "--recommended", "logvol --recommended is for swap"},
		{"a part without a size", "part raid.e0 --size=200", "part raid.e0", "needs part with --size"},
		{"xfs too small", "--percent=20", "--size=200 --fstype=xfs", "no file system below 300 MiB"},
		{"label too long", "--percent=20", "--percent=20 --fstype=xfs --label=0123456789abc", "up to 12 bytes"},
		{"no root", "logvol / ", "logvol /home ", "there is no partition for /"},
		{"no boot", "raid /boot/efi --device=efi --level=1 --fstype=efi", "raid /efi --device=efi --level=1", ""}, // it is made
		{"group without a name", "volgroup system pv.01", "volgroup", "volgroup needs a value"},
		{"a name that is none", "--name=srv", "--name=a/b", "--name has a value that can't be used"},
		{"existing partition", "part raid.e0", "part raid.e0 --onpart=sda1", "can't carry out part --onpart"},
		{"clear none", "clearpart --all", "clearpart --none", "can't carry out clearpart --none"},
	} {
		text := storageHead + raidLines
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s: there is no %q", c.name, c.old)
		}
		got := checkImage(t, strings.Replace(text, c.old, c.with, 1))
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestImageAutopart(t *testing.T) {
	for line, want := range map[string]string{
		"autopart":                                                     "",
		"autopart --type=plain --fstype=xfs":                           "",
		"autopart --nolvm --nohome --noboot":                           "",
		"autopart --type=thinp":                                        "can't carry out autopart --type=thinp (it can do plain, lvm)",
		"autopart --encrypted":                                         "can't carry out autopart --encrypted",
		"autopart\npart / --size=5":                                    "part doesn't go with autopart",
		"reqpart\npart / --size=500":                                   "",
		"reqpart --add-boot\npart / --size=500":                        "",
		"reqpart\npart /srv --size=500":                                "there is no partition for /",
		"reqpart --add-boot\npart / --size=500\npart /boot --size=500": "/boot is laid out twice; first in line 3",
		"reqpart\npart /boot/efi --size=100\npart / --size=500":        "/boot/efi is laid out twice",
		"part biosboot --size=1\npart / --size=":                       "--size",
	} {
		if got := checkImage(t, storageHead+line+"\n"); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", line, got, want)
		}
	}
}

func checkImage(t *testing.T, text string) string {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := Check(f, Image)
	if err != nil {
		t.Fatal(err)
	}
	return texts(kickstart.Errors(problems))
}
