package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/installer/netconf"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func oneDisk() Facts {
	return Facts{
		Memory:  4 << 10,
		Disks:   []Disk{{Name: "vda", Size: 20 << 30, Sector: 512, Serial: "S1", Links: []string{"disk/by-id/virtio-S1"}}},
		NICs:    []netconf.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}, {Name: "eth1", MAC: "52:54:00:00:00:02"}},
		BootNIC: "eth0", DNS: []string{"10.77.0.9"},
	}
}

func twoDisks() Facts {
	f := oneDisk()
	f.UEFI = true
	f.Disks = append(f.Disks, Disk{Name: "nvme0n1", Size: 40 << 30, Sector: 4096}, Disk{Name: "sda", Size: 1 << 40, Sector: 512})
	return f
}

func bigDisk() Facts {
	f := oneDisk()
	f.UEFI, f.Disks = true, []Disk{{Name: "nvme0n1", Size: 1 << 40, Sector: 4096}}
	return f
}

func mirrorDisks() Facts {
	f := oneDisk()
	f.Disks = []Disk{
		{Name: "sda", Size: 40 << 30, Sector: 512, WWN: "naa.5000000000000001", Links: []string{"disk/by-id/ata-SSD_A"}},
		{Name: "sdb", Size: 41 << 30, Sector: 512, WWN: "naa.5000000000000002", Links: []string{"disk/by-path/pci-0000:00:1f.2-ata-2"}},
	}
	return f
}

// counting makes GUIDs that tell themselves apart.
func counting() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }
}

func planText(t *testing.T, text string, facts Facts) (string, error) {
	t.Helper()
	return planTextAs(t, text, facts, ReadOptions{}, Overwrite{})
}

func planTextAs(t *testing.T, text string, facts Facts, way ReadOptions, may Overwrite) (string, error) {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadAs(f, way)
	if err != nil {
		return "", err
	}
	steps, err := Plan(r, facts, may, counting())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, line := range r.Skipped {
		fmt.Fprintf(&b, "skipped: %s\n", line)
	}
	for _, s := range r.Pre {
		fmt.Fprintf(&b, "%s\n", ScriptStep{s})
	}
	for _, s := range steps {
		fmt.Fprintf(&b, "%s\n", s)
	}
	fmt.Fprintf(&b, "%s\n", r.End)
	for _, secret := range r.Secrets {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the plan shows the secret %q", secret)
		}
	}
	return b.String(), nil
}

// planAll is a plan with everything in it, secrets too.
func planAll(t *testing.T, text string, facts Facts) (string, error) {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(f)
	if err != nil {
		return "", err
	}
	steps, err := Plan(r, facts, Overwrite{}, counting())
	return fmt.Sprintf("%+v", struct{ steps []any }{raw(steps)}), err
}

// raw are the steps without their String methods.
func raw(steps []Step) []any {
	var out []any
	for _, s := range steps {
		if c, ok := s.(ChrootStep); ok {
			out = append(out, struct {
				argv  []string
				input string
			}{c.Argv, c.Input})
			continue
		}
		out = append(out, s.String())
	}
	return out
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlanGolden(t *testing.T) {
	for name, facts := range map[string]Facts{
		"base": oneDisk(), "two-disks": twoDisks(),
		"autopart": oneDisk(), "autopart-plain": bigDisk(), "raid0": mirrorDisks(), "raid1": mirrorDisks(), "raid1-lvm": mirrorDisks(),
		"no-boot-partition": oneDisk(), "brought-none": oneDisk(), "brought-grow": mirrorDisks(),
	} {
		t.Run(name, func(t *testing.T) {
			way, may := ReadOptions{}, Overwrite{}
			if strings.HasPrefix(name, "brought-") {
				way, may = skipping(), Overwrite{Wipe: true}
			}
			got, err := planTextAs(t, readFile(t, filepath.Join("testdata/plans", name+".ks")), facts, way, may)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata/plans", name+".plan")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := readFile(t, golden); got != want {
				t.Errorf("the plan is not that of %s (-update rewrites it):\n%s", golden, got)
			}
		})
	}
}

func TestPlanErrors(t *testing.T) {
	base := readFile(t, "testdata/plans/base.ks")
	small := oneDisk()
	small.Disks[0].Size = 512 * MiB
	none := oneDisk()
	none.Disks = nil
	uefi := oneDisk()
	uefi.UEFI = true
	for _, c := range []struct {
		name, old, with string
		facts           Facts
		want            string
	}{
		{"several disks", "", "", twoDisks(), "several disks and the Kickstart names none: vda"},
		{"no disk", "", "", none, "no disk that could be installed to"},
		{"too small", "", "", small, "has room for 510 MiB; the partitions need 1409 MiB"},
		{"no such disk", "zerombr", "ignoredisk --only-use=sdz", oneDisk(), "names disk sdz; this machine has: vda"},
		{"all ignored", "zerombr", "ignoredisk --drives=vd*", oneDisk(), "excludes every disk"},
		{"no such card", "52:54:00:00:00:01", "52:54:00:00:00:77", oneDisk(), "is not a network card of this machine: eth0 52:54:00:00:00:01"},
		{"an esp that is none", "part /boot/efi --fstype=efi", "part /boot/efi --fstype=vfat", uefi, "no EFI system partition"},
		{"one card twice", "zerombr", "network --device=eth0 --bootproto=dhcp", oneDisk(), "the same card"},
		{"another disk", "--size=256", "--size=256 --ondisk=sda", twoDisks(), "not among those to install to"},
	} {
		text := strings.Replace(base, c.old, c.with, 1)
		if c.name == "another disk" {
			text = strings.Replace(text, "zerombr", "ignoredisk --only-use=vda", 1)
		}
		if _, err := planText(t, text, c.facts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

func TestReadReportsEveryProblem(t *testing.T) {
	f, err := kickstart.Parse("t.ks", []byte("btrfs none a\nfirewall --port=x\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(f)
	if err == nil || FailKind(err) != FailKickstart {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"t.ks:1:1: rackhand-installer can't carry out btrfs", "t.ks:2:17: ", "there is nothing to install"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestLayOut(t *testing.T) {
	disk := Disk{Name: "vda", Size: 10_002 * MiB}
	for _, c := range []struct {
		name  string
		parts []*partition
		want  []int64 // MiB
	}{
		{"fixed", []*partition{{Size: 10}, {Size: 20}}, []int64{10, 20}},
		{"one grows", []*partition{{Size: 10}, {Size: 20, Grow: true}}, []int64{10, 9990}},
		{"by size", []*partition{{Size: 1000, Grow: true}, {Size: 3000, Grow: true}}, []int64{2500, 7500}},
		{"maximum", []*partition{{Size: 1000, Grow: true, Max: 1500}, {Size: 3000, Grow: true}}, []int64{1500, 8500}},
		{"all at their maximum", []*partition{{Size: 10, Grow: true, Max: 20}, {Size: 10, Grow: true, Max: 30}}, []int64{20, 30}},
		{"maximum below size", []*partition{{Size: 10, Grow: true, Max: 5}}, []int64{10}},
	} {
		if err := layOut(disk, c.parts); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []int64
		at := MiB
		for _, p := range c.parts {
			got = append(got, p.Length/MiB)
			if p.Start != at {
				t.Errorf("%s: a partition starts at %d, want %d", c.name, p.Start, at)
			}
			at += p.Length
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDiskMatches(t *testing.T) {
	d := Disk{Name: "nvme0n1", Serial: "S123", WWN: "eui.0025", Links: []string{"disk/by-id/nvme-SAMSUNG_S123", "disk/by-id/nvme-eui.0025"}}
	for word, want := range map[string]bool{
		"nvme0n1": true, "/dev/nvme0n1": true, "nvme*": true, "sda|nvme0n1": true, "S123": true,
		"disk/by-id/nvme-SAMSUNG_S123": true, "/dev/disk/by-id/nvme-eui.0025": true, "sda": false, "nvme0n": false,
		"disk/by-id/nvme-SAMSUNG_XS123": false, "": false, "|": false, "[": false,
	} {
		if got := d.matches(word); got != want {
			t.Errorf("%q: %v", word, got)
		}
	}
	blank := Disk{Name: "sda"}
	if blank.matches("") || blank.matches("disk/by-id/x-") {
		t.Error("a disk without a serial number matches nothing")
	}
}

func TestSerialSettings(t *testing.T) {
	for args, want := range map[string]string{
		"console=ttyS0": "0 9600 true", "console=tty0 console=ttyS1,115200n8": "1 115200 true", "quiet": "  false",
		"myconsole=ttyS0": "  false",
	} {
		u, s, ok := SerialConsole(args)
		if got := fmt.Sprint(u, " ", s, " ", ok); got != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
}

func recipeOf(t *testing.T, text string) *Recipe {
	t.Helper()
	f, err := kickstart.Parse("t.ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &Recipe{}
	for _, c := range f.Commands {
		rule, args, problems := engine.ReadCommand(f, c)
		if len(kickstart.Errors(problems)) > 0 {
			t.Fatalf("%v", problems)
		}
		if err := r.command(c, rule.Verb, args); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range f.Sections {
		var problems []*kickstart.Problem
		if r.Packages, problems = engine.ReadPackages(f, s); len(problems) > 0 {
			t.Fatalf("%v", problems)
		}
	}
	return r
}
