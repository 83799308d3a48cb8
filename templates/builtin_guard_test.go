package templates_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

// TestGuard runs the disk guard against disks of every kind.
func TestGuard(t *testing.T) {
	types := func(text string) func(*scriptRoot) { return func(b *scriptRoot) { b.write("dev/sda.types", text) } }
	for _, tt := range []struct {
		name  string
		disk  string // the host's
		disks []any  // the variable
		make  func(*scriptRoot)
		want  string // its message; "" when it lets the install go on
		// anaconda: only Anaconda would touch that disk
		anaconda bool
	}{
		{name: "blank", make: func(*scriptRoot) {}},
		{name: "partition table", make: types("gpt\ngpt\nPMBR\n"), want: "/dev/sda: PMBR gpt;"},
		{name: "LVM", make: types("LVM2_member\n"), want: "/dev/sda: LVM2_member;"},
		{name: "RAID", make: types("linux_raid_member\n"), want: "/dev/sda: linux_raid_member;"},
		{name: "file system", make: types("xfs\n"), want: "not armed with --wipe: "},
		{name: "its first bytes", make: func(b *scriptRoot) { b.put("sda", 3000) }, want: "unknown data in its first MiB"},
		{name: "its last byte", make: func(b *scriptRoot) { b.put("sda", diskSize-1) }, want: "unknown data in its last MiB"},
		{name: "remains amid it", make: func(b *scriptRoot) { b.put("sda", 3<<20) }},
		{name: "a second disk", make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }, want: "/dev/sdb: ext4;"},
		{name: "the named one of two", disk: "sda", make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }},
		{name: "the other of two", disk: "/dev/sdb", make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }, want: "/dev/sdb: ext4;"},
		{name: "both named", disks: []any{"sda", "sdb"}, make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }, want: "/dev/sdb: ext4;"},
		{name: "by pattern", disk: "sd*", make: types("xfs\n"), want: "/dev/sda: xfs;"},
		{name: "by alternatives", disk: "nvme0n1|sda", make: types("xfs\n"), want: "/dev/sda: xfs;"},
		{name: "by id", disk: "/dev/disk/by-id/ata-1", want: "/dev/sda: xfs;", make: func(b *scriptRoot) {
			b.write("dev/sda.types", "xfs\n")
			if err := os.Symlink("../../sda", filepath.Join(b.dir, "dev/disk/by-id/ata-1")); err != nil {
				b.t.Fatal(err)
			}
		}},
		{name: "by id, data of no known kind at its end", disk: "disk/by-id/ata-1", want: "last MiB", make: func(b *scriptRoot) {
			b.put("sda", diskSize-1)
			if err := os.Symlink("../../sda", filepath.Join(b.dir, "dev/disk/by-id/ata-1")); err != nil {
				b.t.Fatal(err)
			}
		}},
		{name: "a stick", make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("sys/block/sdb/removable", "1\n")
			b.write("dev/sdb.types", "vfat\n")
		}, want: "/dev/sdb: vfat; no disk is named", anaconda: true},
		{name: "a disk on USB", want: "/dev/sdb: ext4; no disk is named", anaconda: true, make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("dev/sdb.types", "ext4\n")
			place := filepath.Join(b.dir, "sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block")
			if err := errors.Join(os.MkdirAll(place, 0o755), os.Rename(filepath.Join(b.dir, "sys/block/sdb"), place+"/sdb"), os.Symlink(place+"/sdb", filepath.Join(b.dir, "sys/block/sdb"))); err != nil {
				b.t.Fatal(err)
			}
		}},
		{name: "a stick beside the named disk", disk: "sda", make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("sys/block/sdb/removable", "1\n")
			b.write("dev/sdb.types", "vfat\n")
		}},
		{name: "a reader without a card", make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("sys/block/sdb/size", "0\n")
			b.write("dev/sdb.bad", "")
		}},
		{name: "the installer's own", make: func(b *scriptRoot) { b.disk("loop0"); b.write("dev/loop0.types", "squashfs\n") }},
		{name: "can't be looked at", make: func(b *scriptRoot) { b.write("dev/sda.bad", "") }, want: "could not be looked at"},
		{name: "no wipefs", want: "could not be looked at", make: func(b *scriptRoot) { b.write("bin/wipefs", "#!/bin/sh\nexit 127\n") }},
		{name: "named and not there", disk: "nvme0n1", make: func(*scriptRoot) {}, want: "Wanted: nvme0n1. This box has: sda"},
		{name: "no disk", want: "Wanted: any.", make: func(b *scriptRoot) {
			if err := os.RemoveAll(filepath.Join(b.dir, "sys/block/sda")); err != nil {
				b.t.Fatal(err)
			}
		}},
	} {
		for _, engine := range []string{"rhel.ks", "base.ks"} {
			t.Run(tt.name+" "+engine, func(t *testing.T) {
				b := newScriptRoot(t)
				b.disk("sda")
				tt.make(b)
				if tt.anaconda && engine == "base.ks" {
					tt.want = ""
				}
				d := filled(kickstart.RHEL9)
				if engine == "base.ks" {
					d = filled("")
				}
				d.Host.Disk = tt.disk
				if tt.disks != nil {
					d.Host.Variables["disks"] = tt.disks
				}
				out, err := b.run(body(t, render(t, engine, d), "%pre", "wipefs"), "in /dev/", "/sys/block")
				out = strings.ReplaceAll(out, b.dir, "")
				reports := b.reports()
				switch {
				case strings.Contains(tt.want, "Wanted") && engine == "base.ks":
					if err != nil { // rackhand-installer finds disks by serial number too, and says it
						t.Errorf("%v: %s", err, out)
					}
				case tt.want == "":
					if err != nil || len(reports) > 0 || out != "" {
						t.Errorf("%v, %v: %s", err, reports, out)
					}
				case err == nil || !strings.Contains(out, tt.want):
					t.Errorf("%v: %s", err, out)
				case len(reports) != 1 || (reports[0]["stage"] == "failed") != (engine == "rhel.ks") || reports[0]["kind"] != "disk-guard" || reports[0]["level"] != "error" || len(reports[0]["message"]) < 40:
					t.Errorf("reported: %v", reports)
				case strings.HasPrefix(tt.want, "/dev/"):
					if disk, found, _ := strings.Cut(strings.TrimSuffix(tt.want, "; no disk is named"), ": "); !strings.Contains(" "+reports[0]["disk"]+" ", " "+strings.TrimPrefix(disk, "/dev/")+" ") || !strings.Contains(reports[0]["found"], strings.TrimSuffix(found, ";")) {
						t.Errorf("reported fields: %v", reports)
					}
				}
			})
		}
	}
}

// TestGuardWipe: an install that was armed with --wipe has no guard, and says so.
func TestGuardWipe(t *testing.T) {
	for name, release := range map[string]kickstart.Release{"rhel.ks": kickstart.RHEL9, "fedora.ks": kickstart.F44, "base.ks": ""} {
		d := filled(release)
		d.Install.Wipe = true
		if text := render(t, name, d); strings.Contains(text, "wipefs") || !strings.Contains(text, "Armed with --wipe") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestGuardOurs: data of an earlier attempt of the same install may be overwritten. A disk
// with another id, or without one, is checked as usual.
func TestGuardOurs(t *testing.T) {
	for _, tt := range []struct {
		name, id, ours string
		pass           bool
		says           string // ids that are reported
	}{
		{"ours", "naa.5000c500a1b2c3d4\n", "eui.1 naa.5000c500a1b2c3d4", true, "naa.5000c500a1b2c3d4"},
		{"another", "naa.5000c500a1b2c3d5\n", "eui.1 naa.5000c500a1b2c3d4", false, ""},
		{"a part of it", "naa.5000\n", "naa.5000c500a1b2c3d4", false, ""},
		{"without an id", "", "naa.5000c500a1b2c3d4", false, ""},
		{"blanks in it", "t10.ATA     A DISK   SERIAL 1 \n", "t10.ATA_A_DISK_SERIAL_1", true, "t10.ATA_A_DISK_SERIAL_1"},
		{"none is ours", "naa.5000c500a1b2c3d4\n", "", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, engine := range []struct {
				template string
				release  kickstart.Release
				reports  int // of blank disks: rackhand-installer itself reports those
			}{{"rhel.ks", kickstart.RHEL9, 1}, {"base.ks", "", 0}} {
				if !tt.pass {
					engine.reports = 1
				}
				b := newScriptRoot(t)
				b.disk("sda")
				b.write("dev/sda.types", "gpt\n")
				if tt.id != "" {
					b.write("sys/block/sda/wwid", tt.id)
				}
				d := filled(engine.release)
				d.Install.Ours = tt.ours
				out, err := b.run(body(t, render(t, engine.template, d), "%pre", "wipefs"), "in /dev/", "/sys/block")
				if (err == nil) != tt.pass {
					t.Errorf("%s: %v: %s", engine.template, err, out)
				}
				for _, r := range b.reports() {
					if r["kind"] == "disks-blank" && strings.TrimSpace(r["message"]) != tt.says {
						t.Errorf("%s: reported: %v", engine.template, r)
					}
				}
				if n := len(b.reports()); n != engine.reports {
					t.Errorf("%s: %d reports", engine.template, n)
				}
			}
		})
	}
}

// TestFirmware: a mirrored layout stops on a box that was started the other way.
func TestFirmware(t *testing.T) {
	for _, tt := range []struct {
		made string
		efi  bool
		good bool
	}{{"uefi", true, true}, {"uefi", false, false}, {"bios", true, false}, {"bios", false, true}} {
		b := newScriptRoot(t)
		if tt.efi {
			b.write("sys/firmware/efi/x", "")
		}
		d := filled(kickstart.RHEL9, layouts()[2])
		d.Host.Variables["firmware"] = tt.made
		out, err := b.run(body(t, render(t, "rhel.ks", d), "%pre", "/sys/firmware"), "/sys/firmware")
		if (err == nil) != tt.good || (len(b.reports()) == 0) != tt.good {
			t.Errorf("%+v: %v %s %v", tt, err, out, b.reports())
		}
	}
}
