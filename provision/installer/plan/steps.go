package plan

import (
	"cmp"
	"fmt"
	"strings"

	"rackhand/provision/mask"
	"rackhand/templates/kickstart/engine"
)

// A Step is one thing that the installer does. Its text says it in one line or a
// few, without secrets.
type Step interface {
	fmt.Stringer
	step()
}

// GuardStep refuses a disk with data, unless the disk may be wiped, or an earlier attempt of
// this install found it blank (Overwritable) and was cut off.
type GuardStep struct {
	Disk         Disk
	Wipe         bool
	Overwritable bool
	Keep         string // why it is refused even when the operator lets it be wiped; "" for nothing
}

// String describes the step.
func (s GuardStep) String() string {
	switch {
	case s.Wipe:
		return "look at " + s.Disk.String() + "; it may be wiped"
	case s.Overwritable:
		return "look at " + s.Disk.String() + "; an earlier attempt of this install has found it blank"
	}
	return "look at " + s.Disk.String() + "; refuse it if it carries data"
}

// ReportStep reports something that the operator should know.
type ReportStep struct{ Message string }

// String describes the step.
func (s ReportStep) String() string { return "tell: " + s.Message }

// BlankStep reports to the appliance which disks a later attempt of this install may write
// to. Once they have a partition table they no longer look blank.
type BlankStep struct{ Disks []Disk }

// String describes the step.
func (s BlankStep) String() string {
	var names []string
	for _, d := range s.Disks {
		names = append(names, d.Name)
	}
	return "tell the appliance which disks a later attempt may overwrite: " + strings.Join(names, ", ")
}

// PartitionStep clears a disk and adds its partitions to the kernel's list. TableStep writes
// the table itself once the image is verified. Until then nothing on the disk can boot, and
// the next attempt sees a half-made disk as blank.
type PartitionStep struct {
	Disk  Disk
	Table Table
}

// String describes the step.
func (s PartitionStep) String() string {
	out := "clear " + s.Disk.Name + ", in the kernel alone:"
	for i, p := range s.Table.Parts {
		out += fmt.Sprintf("\n  %s %d MiB at %d MiB (%s)", s.Disk.PartitionName(i+1), p.Length/MiB, p.Start/MiB, p.Name)
	}
	return out
}

// TableStep writes the partition table, and marks its install as unfinished.
type TableStep struct {
	Disk  Disk
	Table Table
}

// FinishStep ends an install on a disk. From then on the disk holds a system, not the remains
// of an attempt.
type FinishStep struct {
	Disk  Disk
	Table Table
}

// String describes the step.
func (s FinishStep) String() string { return "finish the partition table of " + s.Disk.Name }

// String describes the step.
func (s TableStep) String() string { return "write the partition table of " + s.Disk.Name }

// FormatStep makes a file system or swap.
type FormatStep struct{ Part Content }

// String describes the step.
func (s FormatStep) String() string {
	out := fmt.Sprintf("format %s %s %s", s.Part.Device, s.Part.FS, s.Part.UUID)
	if s.Part.Label != "" {
		out += " label " + s.Part.Label
	}
	return out
}

// MountStep mounts a file system below the target.
type MountStep struct{ Part Content }

// String describes the step.
func (s MountStep) String() string { return "mount " + s.Part.Device + " on " + s.Part.Mount }

// ImageStep streams the image onto the mounted target, and verifies it.
type ImageStep struct {
	URL    string
	SHA256 string
}

// String describes the step.
func (s ImageStep) String() string {
	return "image " + mask.Tokens(s.URL) + "\n  sha256 " + s.SHA256
}

// BindStep mounts /dev, /proc, /sys and a /run of its own in the target.
type BindStep struct{}

// String describes the step.
func (BindStep) String() string { return "mount /dev /proc /sys /run in the system" }

// FileStep writes a file of the installed system.
type FileStep struct {
	Path string
	Mode uint32
	Text string
}

// String describes the step.
func (s FileStep) String() string {
	return fmt.Sprintf("file %s %04o\n%s", s.Path, s.Mode, indent(s.Text))
}

// ChrootStep runs a program of the installed system in it.
type ChrootStep struct {
	Argv  []string
	Input string // a secret, most likely
	What  string
}

// String describes the step.
func (s ChrootStep) String() string {
	out := "run " + strings.Join(s.Argv, " ") + " (" + s.What + ")"
	if s.Input != "" {
		out += " with input"
	}
	return out
}

// SSHKeyStep adds a key to a user's authorized keys.
type SSHKeyStep struct{ User, Key string }

// String describes the step.
func (s SSHKeyStep) String() string { return "ssh key of " + s.User + ": " + s.Key }

// TimezoneStep sets the time zone, and whether the hardware clock is in UTC.
type TimezoneStep struct {
	Zone string // "" leaves the image's
	UTC  bool
}

// String describes the step.
func (s TimezoneStep) String() string { return fmt.Sprintf("timezone %q utc=%v", s.Zone, s.UTC) }

// SELinuxStep sets SELinux's mode where there is SELinux.
type SELinuxStep struct {
	Mode string
	Skip bool // a system without it gets a warning
}

// String describes the step.
func (s SELinuxStep) String() string { return "selinux " + s.Mode }

// GRUBStep installs GRUB for one kind of firmware.
type GRUBStep struct {
	Target string // i386-pc, x86_64-efi
	Device string // for i386-pc
}

// String describes the step.
func (s GRUBStep) String() string { return strings.TrimSpace("grub " + s.Target + " " + s.Device) }

// GRUBConfigStep writes GRUB's menu.
type GRUBConfigStep struct {
	Boot  BootLoader
	Place BootPlace
}

// String describes the step.
func (s GRUBConfigStep) String() string {
	return "grub menu: root " + s.Place.Root + ", kernels in " + s.Place.BootUUID + " " + cmp.Or(s.Place.Dir, "/") + ", by " + strings.Join(s.Place.Modules, " ")
}

// ScriptStep runs a script of the Kickstart.
type ScriptStep struct{ Script engine.Script }

// String describes the step.
func (s ScriptStep) String() string {
	out := fmt.Sprintf("script %s of line %d, %s", s.Script.Section.Name, s.Script.Section.Pos.Line, s.Script.Interpreter)
	if s.Script.NoChroot {
		out += ", in the installer"
	}
	if s.Script.ErrorOnFail {
		out += ", must succeed"
	}
	if s.Script.Log != "" {
		out += ", log " + s.Script.Log
	}
	return out
}

// UnmountStep puts everything on the disks and unmounts them.
type UnmountStep struct{}

// String describes the step.
func (UnmountStep) String() string { return "sync and unmount" }

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}
