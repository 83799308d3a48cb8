package plan

import (
	"slices"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// skipping is how a brought Kickstart is read.
func skipping() ReadOptions {
	return ReadOptions{
		Unsupported: engine.Skip,
		Image:       ImageStep{URL: "http://10.77.0.1/image/root.tar.zst", SHA256: strings.Repeat("0", 64)},
	}
}

func recipeAs(t *testing.T, way ReadOptions, text string) *Recipe {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadAs(f, way)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The operator's permission doesn't erase a disk that the Kickstart doesn't clear. Remains
// of an earlier attempt of the same install are different.
func TestSkipNeverWipesWhatIsKept(t *testing.T) {
	for lines, wipes := range map[string]bool{
		"clearpart --all":                             true,
		"clearpart --all --drives=vda":                true,
		"clearpart --none --initlabel":                false,
		"clearpart --linux --drives=vda":              false,
		"clearpart --list=vda1":                       false,
		"clearpart --initlabel":                       false,
		"zerombr":                                     false,
		"clearpart --all\nclearpart --linux":          false,
		"ignoredisk --only-use=vda\nclearpart --none": false,
	} {
		r := recipeAs(t, skipping(), "autopart\n"+lines+"\n")
		steps, err := Plan(r, oneDisk(), Overwrite{Wipe: true, Overwritable: []string{"S1"}}, counting())
		if err != nil {
			t.Fatal(err)
		}
		guards, blanks := 0, 0
		for _, s := range steps {
			switch s := s.(type) {
			case GuardStep:
				guards++
				if s.Wipe != wipes || (s.Keep == "") != wipes || !s.Overwritable {
					t.Errorf("%q: %+v", lines, s)
				}
			case BlankStep:
				blanks++
			}
		}
		if guards != 1 || (blanks == 1) == wipes {
			t.Errorf("%q: %d guards, %d reports of blank disks", lines, guards, blanks)
		}
	}
}

// A disk is chosen as usual: never among several if none is named.
func TestSkipChoosesNoDisk(t *testing.T) {
	for lines, want := range map[string]string{
		"clearpart --all\npart / --grow":                                 "several disks and the Kickstart names none",
		"clearpart --none\npart / --grow":                                "several disks and the Kickstart names none",
		"part / --grow":                                                  "several disks and the Kickstart names none",
		"bootloader --boot-drive=sda --driveorder=sda\npart / --grow":    "several disks and the Kickstart names none",
		"clearpart --all --drives=sdz\npart / --grow":                    "names disk sdz",
		"clearpart --linux --drives=sda\npart / --grow --ondisk=sdb":     "not among those to install to",
		"clearpart --drives=sda --all\nclearpart --all\npart / --grow":   "",
		"clearpart --drives=sdb\nignoredisk --drives=sda\npart / --grow": "",
		"ignoredisk --drives=sda\npart / --grow":                         "several disks and the Kickstart names none",
	} {
		facts := mirrorDisks()
		facts.Disks = append(facts.Disks, Disk{Name: "sdc", Size: 40 << 30, Sector: 512})
		r := recipeAs(t, skipping(), lines+"\n")
		steps, err := Plan(r, facts, Overwrite{Wipe: true}, counting())
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %s", lines, err, want)
		case want == "" && err != nil:
			t.Errorf("%q: %v", lines, err)
		}
		for _, s := range steps {
			if g, ok := s.(GuardStep); ok && g.Disk.Name == "sdc" {
				t.Errorf("%q lays out %s", lines, g.Disk)
			}
		}
	}
}

// The partitions that a box boots from are made on the disk with the kernels and on no
// other, and each disk of a mirror gets them.
func TestMissingBootPartitions(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		uefi        bool
		want        []string // FS:disk
		said        string
	}{
		{"neither, BIOS", "part / --size=900 --ondisk=sdb", false, []string{"biosboot:sdb", "efi:sdb"}, "made on sdb: biosboot (1 MiB), /boot/efi (128 MiB)"},
		{"neither, UEFI", "part / --size=900 --ondisk=sdb", true, []string{"biosboot:sdb", "efi:sdb"}, "made on sdb: biosboot (1 MiB), /boot/efi (128 MiB)"},
		{"for the other firmware, BIOS", "part /boot/efi --fstype=efi --size=100 --ondisk=sda\npart / --size=900 --ondisk=sda", false, []string{"biosboot:sda", "efi:sda"}, "made on sda: biosboot (1 MiB)"},
		{"for the other firmware, UEFI", "part biosboot --size=1 --ondisk=sda\npart / --size=900 --ondisk=sda", true, []string{"biosboot:sda", "efi:sda"}, "made on sda: /boot/efi (128 MiB)"},
		{"nothing is missing, BIOS", "part biosboot --size=1 --ondisk=sda\npart / --size=900 --ondisk=sda", false, []string{"biosboot:sda"}, ""},
		{"nothing is missing, UEFI", "part /boot/efi --fstype=efi --size=100 --ondisk=sda\npart / --size=900 --ondisk=sda", true, []string{"efi:sda"}, ""},
		{"on LVM", "part pv.1 --size=900 --ondisk=sdb\nvolgroup v pv.1\nlogvol / --vgname=v --name=r --size=800", true, []string{"biosboot:sdb", "efi:sdb"}, "made on sdb"},
		{"/boot decides", "part / --size=900 --ondisk=sda\npart /boot --size=500 --ondisk=sdb", true, []string{"biosboot:sdb", "efi:sdb"}, "made on sdb"},
		{"--boot-drive decides", "bootloader --boot-drive=sda\npart /srv --size=900 --ondisk=sda\npart / --size=500 --ondisk=sdb", true, []string{"biosboot:sda", "efi:sda"}, "made on sda"},
		{"a mirror", "part raid.1 --size=900 --ondisk=sda\npart raid.2 --size=900 --ondisk=sdb\nraid / --level=1 --device=0 raid.1 raid.2", true, []string{"biosboot:sda", "biosboot:sdb"}, "made on sda: biosboot (1 MiB), /boot/efi (128 MiB)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := recipeAs(t, ReadOptions{}, "liveimg --url=http://a/b --checksum="+strings.Repeat("0", 64)+"\nclearpart --all --drives=sda,sdb\n"+c.lines+"\n")
			facts := mirrorDisks()
			facts.UEFI = c.uefi
			p, err := planStorage(r.storage, facts.Disks, facts.Memory, firmware{facts.UEFI, r.boot.Drive}, counting())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, part := range p.parts {
				if part.FS == "biosboot" || part.FS == "efi" {
					got = append(got, part.FS+":"+part.Disk)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) || (c.said == "") != (p.added == "") || !strings.Contains(p.added, c.said) {
				t.Errorf("got %v, %q; want %v, %q", got, p.added, c.want, c.said)
			}
			if c.name == "a mirror" && !slices.ContainsFunc(p.arrays, func(a Array) bool { return a.Mount == "/boot/efi" && len(a.Devices) == 2 }) {
				t.Errorf("the EFI system partition is not mirrored: %+v", p.arrays)
			}
			if _, err := planGRUB(r.boot, facts.UEFI, p); err != nil {
				t.Error(err)
			}
		})
	}
}

// Options of one firewall line add up: the last --port is not the only one.
func TestFirewallOptionsAddUp(t *testing.T) {
	r := recipeOf(t, "firewall --enabled --port=80:tcp --port=443:tcp,53:udp --service=a --service=b --remove-service=ssh --remove-service=b\n")
	fw := r.Config[0].(FirewallStep)
	if len(fw.Ports) != 3 || !slices.Equal(fw.OpenServices(), []string{"a"}) {
		t.Errorf("got %s", fw)
	}
}

// A boot script of another version names no image: that is an error, no empty install.
func TestSkipNeedsAnImage(t *testing.T) {
	f, err := kickstart.Parse("t.ks", []byte("clearpart --all\nautopart\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAs(f, ReadOptions{Unsupported: engine.Skip}); err == nil || !strings.Contains(err.Error(), "no liveimg") || FailKind(err) != FailKickstart {
		t.Errorf("got %v", err)
	}
}

// A site's own %pre that clears disks gets no writable disk, unless the operator allows it
// and the Kickstart clears disks itself.
func TestPreFindsDisksSealed(t *testing.T) {
	pre := "%pre\ntrue\n%end\n"
	for _, c := range []struct {
		way  ReadOptions
		text string
		wipe bool
		want bool
	}{
		{skipping(), "clearpart --all\nautopart\n" + pre, false, true},
		{skipping(), "clearpart --all\nautopart\n" + pre, true, false},
		{skipping(), "clearpart --linux\nautopart\n" + pre, true, true},
		{skipping(), "%include /tmp/x\n" + pre, true, true},
		{skipping(), "clearpart --all\nautopart\n", false, false},
		{ReadOptions{}, "clearpart --all\nautopart\nliveimg --url=http://a/b --checksum=" + strings.Repeat("0", 64) + "\n" + pre, false, false},
	} {
		if got := recipeAs(t, c.way, c.text).WriteProtectsDisks(Overwrite{Wipe: c.wipe}); got != c.want {
			t.Errorf("%q, wipe %v: sealed %v", c.text, c.wipe, got)
		}
	}
}
