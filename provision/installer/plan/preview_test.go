package plan

import (
	"reflect"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

// TestPreviewAssumes: the disks that a Kickstart names are assumed, each once, and the plan
// is made with them.
func TestPreviewAssumes(t *testing.T) {
	for lines, want := range map[string]string{
		"autopart": "assumed: disk sda (100.0 GB); the Kickstart names none\n",
		"autopart\nignoredisk --only-use=nvme0n1":                                      "assumed: disk nvme0n1 (100.0 GB); the Kickstart names it\n",
		"autopart\nignoredisk --only-use=sd*|vda":                                      "assumed: disk sda (100.0 GB); the Kickstart names it\n",
		"autopart\nignoredisk --only-use=/dev/disk/by-id/wwn-0x5*":                     "assumed: disk sda (100.0 GB); the Kickstart names it\n",
		"autopart\nignoredisk --only-use=disk/by-path/pci-[01]*":                       "assumed: disk sda (100.0 GB); the Kickstart names it\n",
		"autopart\nclearpart --all --drives=S3Z9NB0K":                                  "assumed: disk sda (100.0 GB, serial S3Z9NB0K); the Kickstart names it\n",
		"part / --size=1000 --ondisk=sda\npart /a --size=9 --ondisk=disk/by-path/pci*": "assumed: disk sda (100.0 GB); the Kickstart names it\nassumed: disk sdb (100.0 GB); the Kickstart names it\n",
	} {
		f, err := kickstart.Parse("t.ks", []byte(lines+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Preview(f, skipping(), Facts{UEFI: true})
		if err != nil || !strings.HasPrefix(got, want+"assumed: 8 GiB of memory\n") || !strings.HasSuffix(got, "\nreboot\n") {
			t.Errorf("%s:\n%v\n%s", lines, err, got)
		}
		again, err := Preview(f, skipping(), Facts{UEFI: true})
		if err != nil || got != again {
			t.Errorf("%s: the second preview is another one (%v)", lines, err)
		}
	}
}

func TestPreviewOfIncludes(t *testing.T) {
	f, err := kickstart.Parse("t.ks", []byte("%include /tmp/part.ks\n%pre\ntrue\n%end\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Preview(f, skipping(), Facts{}); err == nil || !strings.Contains(err.Error(), "known only there") {
		t.Errorf("got %v", err)
	}
}

func TestReadLsblk(t *testing.T) {
	got, err := ReadLsblk([]byte(`{"blockdevices": [
		{"name":"zram0", "size":4096, "log-sec":4096, "model":null, "serial":null, "wwn":null, "tran":null, "type":"disk"},
		{"name":"sr0", "size":1073741312, "log-sec":512, "type":"rom"},
		{"name":"sda", "size":480103981056, "log-sec":512, "model":"SSD 480 ", "serial":"S1", "wwn":"0x5000c500a1b2c3d4", "tran":"sata", "type":"disk"},
		{"name":"nvme0n1", "size":"512110190592", "log-sec":"4096", "model":"N", "serial":"S2", "wwn":"eui.0025385b71b00b12", "tran":"nvme", "type":"disk"},
		{"name":"sdb", "size":8000000000, "log-sec":512, "model":"Stick", "serial":"S3", "wwn":null, "tran":"usb", "type":"disk"}]}`))
	want := []Disk{
		{Name: "sda", Size: 480103981056, Sector: 512, Model: "SSD 480", Serial: "S1", WWN: "naa.5000c500a1b2c3d4", Links: []string{"disk/by-id/wwn-0x5000c500a1b2c3d4"}},
		{Name: "nvme0n1", Size: 512110190592, Sector: 4096, Model: "N", Serial: "S2", WWN: "eui.0025385b71b00b12"},
		{Name: "sdb", Size: 8000000000, Sector: 512, Model: "Stick", Serial: "S3", USB: true},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	for _, bad := range []string{"", "NAME SIZE\nsda 1\n", `{"blockdevices":[]}`, `{"blockdevices":[{"name":"sda","size":"1T"}]}`, `{"blockdevices":[{"name":"sda","size":1000,"log-sec":7}]}`} {
		if got, err := ReadLsblk([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

// FuzzReadLsblk checks that any disks that are read lead to a plan or an error.
func FuzzReadLsblk(f *testing.F) {
	f.Add(`{"blockdevices":[{"name":"sda","size":480103981056,"log-sec":512,"wwn":"0x5000","type":"disk"}]}`)
	f.Add(`{"blockdevices":[{"name":"n","size":"1","log-sec":"4096"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		disks, err := ReadLsblk([]byte(text))
		if err != nil {
			return
		}
		file, err := kickstart.Parse("t.ks", []byte("autopart\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = Preview(file, skipping(), Facts{UEFI: true, Disks: disks})
	})
}
