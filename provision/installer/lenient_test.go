package installer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

// skipping is how a brought Kickstart is read.
func skipping() Way {
	return Way{
		Unsupported: kickstart.Skip,
		Image:       imageStep{URL: "http://10.77.0.1/image/root.tar.zst", SHA256: strings.Repeat("0", 64)},
	}
}

func recipeAs(t *testing.T, way Way, text string) *Recipe {
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

// No leave of the operator's has a disk erased that the Kickstart doesn't clear; what an
// earlier attempt of the same install has left is another matter.
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
		steps, err := Plan(r, oneDisk(), Leave{Wipe: true, Ours: []string{"S1"}}, counting())
		if err != nil {
			t.Fatal(err)
		}
		guards, blanks := 0, 0
		for _, s := range steps {
			switch s := s.(type) {
			case guardStep:
				guards++
				if s.Wipe != wipes || (s.Keep == "") != wipes || !s.Ours {
					t.Errorf("%q: %+v", lines, s)
				}
			case blankStep:
				blanks++
			}
		}
		if guards != 1 || (blanks == 1) == wipes {
			t.Errorf("%q: %d guards, %d reports of blank disks", lines, guards, blanks)
		}
	}
	err := refuse(oneDisk().Disks[0], []string{"ext4"}, "clearpart --none")
	if !strings.Contains(err.Error(), "The Kickstart (clearpart --none) doesn't have whole disks cleared, so that --wipe doesn't hold") {
		t.Errorf("got %v", err)
	}
}

// A disk is chosen as ever: never among several that nobody named.
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
		steps, err := Plan(r, facts, Leave{Wipe: true}, counting())
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %s", lines, err, want)
		case want == "" && err != nil:
			t.Errorf("%q: %v", lines, err)
		}
		for _, s := range steps {
			if g, ok := s.(guardStep); ok && g.Disk.Name == "sdc" {
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
			r := recipeAs(t, Way{}, "liveimg --url=http://a/b --checksum="+strings.Repeat("0", 64)+"\nclearpart --all --drives=sda,sdb\n"+c.lines+"\n")
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
			if c.name == "a mirror" && !slices.ContainsFunc(p.arrays, func(a array) bool { return a.Mount == "/boot/efi" && len(a.Devices) == 2 }) {
				t.Errorf("the EFI system partition is not mirrored: %+v", p.arrays)
			}
			if _, err := planGRUB(r.boot, facts.UEFI, p); err != nil {
				t.Error(err)
			}
		})
	}
}

// What only the unpacked system can tell is passed over with a warning, too.
func TestSkipInTheSystem(t *testing.T) {
	r := recipeAs(t, skipping(), "autopart\nselinux --enforcing\nservices --enabled=chronyd,foo@1 --disabled=bar\nfirewall --service=gopher,http\n")
	m := scratch(t, map[string]string{"usr/sbin/nft": "", "etc/services": "ssh 22/tcp\nhttp 80/tcp\n", "usr/lib/systemd/system/foo@.service": ""})
	var said []string
	m.Con.SetSink(func(l string) { said = append(said, l) })
	for _, s := range r.config {
		switch s := s.(type) {
		case selinuxStep:
			if err := s.do(t.Context(), m); err != nil {
				t.Error(err)
			}
		case serviceStep:
			if s.Unit == "foo@1" {
				if got := behind(t, m, s.Unit); got != "foo@1.service" {
					t.Errorf("foo@1 is %q", got)
				}
				continue
			}
			if err := s.do(t.Context(), m); err != nil {
				t.Error(err)
			}
		case firewallStep:
			ports, err := s.allPorts(m)
			if err != nil || len(ports) != 2 || ports[1].First != 80 {
				t.Errorf("ports %v, %v", ports, err)
			}
		}
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"selinux --enforcing is passed over", "services --enabled=chronyd is passed over", "firewall --service=gopher is passed over, and stays closed"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "bar") {
		t.Errorf("a unit that isn't there is disabled as it is:\n%s", text)
	}
	if err := os.MkdirAll(filepath.Join(m.target, "etc/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/lib/systemd/system/foo@.service", filepath.Join(m.target, "etc/systemd/system/alias.service")); err != nil {
		t.Fatal(err)
	}
	if got := behind(t, m, "alias"); got != "foo@.service" {
		t.Errorf("the alias stands for %q", got)
	}
}

// Options of one firewall line add up: the last --port is not the only one.
func TestFirewallOptionsAddUp(t *testing.T) {
	r := recipeOf(t, "firewall --enabled --port=80:tcp --port=443:tcp,53:udp --service=a --service=b --remove-service=ssh --remove-service=b\n")
	fw := r.config[0].(firewallStep)
	if len(fw.Ports) != 3 || !slices.Equal(fw.services(), []string{"a"}) {
		t.Errorf("got %s", fw)
	}
}

// A boot script of another version names no image: that is an error, no empty install.
func TestSkipNeedsAnImage(t *testing.T) {
	f, err := kickstart.Parse("t.ks", []byte("clearpart --all\nautopart\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAs(f, Way{Unsupported: kickstart.Skip}); err == nil || !strings.Contains(err.Error(), "no liveimg") || failKind(err) != FailKickstart {
		t.Errorf("got %v", err)
	}
	c := ParseCmdline("rackhand.unsupported=skip rackhand.image=http://a/b rackhand.sha256=ABC")
	if c.Unsupported != kickstart.Skip || c.Image.URL != "http://a/b" || c.Image.SHA256 != "abc" {
		t.Errorf("got %+v", c.Way)
	}
	if c := ParseCmdline("rackhand.unsupported=x"); c.Unsupported == kickstart.Skip {
		t.Error("any word is taken for skip")
	}
}

// What %pre writes is read once it has run, and checked as a whole before any disk is
// looked at.
func TestIncludedFromPre(t *testing.T) {
	file := filepath.Join(t.TempDir(), "part.ks")
	text := "rootpw --plaintext first-secret\n%include " + file + "\nvolgroup v pv.1\nlogvol / --vgname=v --name=r --size=900\n%pre\ntrue\n%end\n"
	for _, c := range []struct{ name, has, want string }{
		{"good", "clearpart --all --drives=vda\npart pv.1 --fstype=lvmpv --grow --ondisk=vda\nuser --name=op --plaintext --password=second-secret\n%packages\n@x11\n%end\n", ""},
		{"nothing", "", "pv.1 is not laid out"},
		{"no file", "-", "a %pre has to write it"},
		{"a line that is no command", "no such disk\n", "there is no command no"},
		{"a quote", "part '\n", "a quote is not closed"},
		{"dangerous", "part pv.1 --grow --encrypted\n", "what lies there would not be encrypted"},
		{"another %pre", "%pre\n%end\n", "would not run"},
		{"itself", "%include " + file + "\n", "more than 8 deep"},
		{"a URL", "%include http://a/b\n", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			r := recipeAs(t, skipping(), text)
			if len(r.Pre) != 1 || r.file == nil || len(r.passed) != 1 {
				t.Fatalf("%d scripts, %q", len(r.Pre), r.passed)
			}
			if _, err := Plan(r, oneDisk(), Leave{Wipe: true}, counting()); err == nil {
				t.Error("a Kickstart is planned before it is whole")
			}
			if c.has != "-" {
				if err := os.WriteFile(file, []byte(c.has), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m := scratch(t, nil)
			var said []string
			m.Con.SetSink(func(l string) { said = append(said, l) })
			whole, err := m.included(r, skipping())
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || failKind(err) != FailKickstart {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			steps, err := Plan(whole, oneDisk(), Leave{}, counting())
			if err != nil || len(steps) == 0 {
				t.Error(err)
			}
			m.Con.Printf("first-secret second-secret")
			text := strings.Join(said, "\n")
			if !strings.Contains(text, "@x11 is passed over") || strings.Contains(text, "-secret") || strings.Contains(text, "%include") {
				t.Errorf("it says %s", text)
			}
		})
	}
}

// A %pre of somebody's that clears disks gets none to write to, but with leave for it and
// a Kickstart that says so itself.
func TestPreFindsDisksSealed(t *testing.T) {
	pre := "%pre\ntrue\n%end\n"
	for _, c := range []struct {
		way  Way
		text string
		wipe bool
		want bool
	}{
		{skipping(), "clearpart --all\nautopart\n" + pre, false, true},
		{skipping(), "clearpart --all\nautopart\n" + pre, true, false},
		{skipping(), "clearpart --linux\nautopart\n" + pre, true, true},
		{skipping(), "%include /tmp/x\n" + pre, true, true},
		{skipping(), "clearpart --all\nautopart\n", false, false},
		{Way{}, "clearpart --all\nautopart\nliveimg --url=http://a/b --checksum=" + strings.Repeat("0", 64) + "\n" + pre, false, false},
	} {
		if got := sealed(recipeAs(t, c.way, c.text), Leave{Wipe: c.wipe}); got != c.want {
			t.Errorf("%q, wipe %v: sealed %v", c.text, c.wipe, got)
		}
	}
}

func TestPassedOver(t *testing.T) {
	lines := []string{strings.Repeat("a", 30), "b", strings.Repeat("c", 300), "d"}
	got := passedOver(lines, 100)
	if len(got) != 3 || got[0] != lines[0]+"\nb" || len(got[1]) > 104 || got[2] != "d" || passedOver(nil, 5) != nil {
		t.Errorf("%q", got)
	}
}

func behind(t *testing.T, m *machine, name string) (unit string) {
	t.Helper()
	if err := m.inRoot(func(root *os.Root) error {
		unit, _ = unitBehind(root, name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return unit
}
