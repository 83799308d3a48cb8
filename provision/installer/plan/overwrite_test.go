package plan

import "testing"

// TestDiskID checks that ids equal those of guard.ks, which has the same cases.
func TestDiskID(t *testing.T) {
	for _, tt := range []struct {
		disk Disk
		want string
	}{
		{Disk{WWN: "naa.5000c500a1b2c3d4", Serial: "S1"}, "naa.5000c500a1b2c3d4"},
		{Disk{Serial: "vd-web1"}, "vd-web1"},
		{Disk{WWN: " t10.ATA     A DISK\t_ SERIAL 1 "}, "t10.ATA_A_DISK_SERIAL_1"},
		{Disk{WWN: "naa.5000c500a1b2c3d4", USB: true}, ""},
		{Disk{Serial: "é,; $x"}, "x"},
		{Disk{}, ""},
	} {
		if got := tt.disk.ID(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.disk, got, tt.want)
		}
	}
}

// TestPlanOurs: leave is for the disk that is named, and for none when two have that id.
func TestPlanOurs(t *testing.T) {
	one := Disk{Name: "vda", Size: 20 << 30, Sector: 512, Serial: "rackhand-web1-system"}
	two := Disk{Name: "vdb", Size: 20 << 30, Sector: 512, Serial: "rackhand-web1-other"}
	twin := two
	twin.Serial = one.Serial
	for _, tt := range []struct {
		name  string
		disks []Disk
		may   Overwrite
		ours  bool
		told  bool
	}{
		{"no leave", []Disk{one, two}, Overwrite{}, false, true},
		{"ours", []Disk{one, two}, Overwrite{Overwritable: []string{"other", one.Serial}}, true, true},
		{"another's", []Disk{one, two}, Overwrite{Overwritable: []string{two.Serial}}, false, true},
		{"two of that id", []Disk{one, twin}, Overwrite{Overwritable: []string{one.Serial}}, false, true},
		{"without an id", []Disk{{Name: "vda", Size: 20 << 30, Sector: 512}}, Overwrite{Overwritable: []string{""}}, false, true},
		{"wiped anyway", []Disk{one}, Overwrite{Wipe: true, Overwritable: []string{one.Serial}}, true, false},
	} {
		r := recipeOf(t, "ignoredisk --only-use=vda\nclearpart --all\npart biosboot --fstype=biosboot --size=1\npart / --fstype=ext4 --size=2000\nliveimg --url=http://10.77.0.1/root.tar --checksum=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nrootpw --lock\n")
		steps, err := Plan(r, Facts{Disks: tt.disks}, tt.may, counting())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var ours, told bool
		for _, s := range steps {
			switch s := s.(type) {
			case GuardStep:
				ours = s.Overwritable
			case BlankStep:
				told = true
			}
		}
		if ours != tt.ours || told != tt.told {
			t.Errorf("%s: ours %v, told %v", tt.name, ours, told)
		}
	}
}
