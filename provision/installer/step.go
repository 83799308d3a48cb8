package installer

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"rackhand/templates/kickstart"
)

// A Step is one thing that the installer does. Its text says it in one line or a
// few, without secrets.
type Step interface {
	fmt.Stringer
	step()
}

// guardStep refuses a disk that carries data, unless it may be wiped, or an earlier attempt
// of this install has found it blank (Ours) and was cut off.
type guardStep struct {
	Disk Disk
	Wipe bool
	Ours bool
	Keep string // why it is refused even when the operator lets it be wiped; "" for nothing
}

func (s guardStep) String() string {
	switch {
	case s.Wipe:
		return "look at " + s.Disk.String() + "; it may be wiped"
	case s.Ours:
		return "look at " + s.Disk.String() + "; an earlier attempt of this install has found it blank"
	}
	return "look at " + s.Disk.String() + "; refuse it if it carries data"
}

// tellStep tells something that the operator should know.
type tellStep struct{ Message string }

func (s tellStep) String() string { return "tell: " + s.Message }

// blankStep tells the appliance which disks are this install's to write to, whatever
// becomes of this attempt: from the partition table on they don't look blank any more.
type blankStep struct{ Disks []Disk }

func (s blankStep) String() string {
	var names []string
	for _, d := range s.Disks {
		names = append(names, d.Name)
	}
	return "tell the appliance what a later attempt may write to: " + strings.Join(names, ", ")
}

// partitionStep clears a disk and tells the kernel of its partitions. The table
// itself is written by tableStep, when the image is verified: until then nothing
// on the disk could boot, whatever happens, and a half-made disk looks blank to
// the next attempt.
type partitionStep struct {
	Disk  Disk
	Table gptTable
}

func (s partitionStep) String() string {
	out := "clear " + s.Disk.Name + ", in the kernel alone:"
	for i, p := range s.Table.Parts {
		out += fmt.Sprintf("\n  %s %d MiB at %d MiB (%s)", s.Disk.partition(i+1), p.Length/mib, p.Start/mib, p.Name)
	}
	return out
}

// tableStep writes the partition table, as that of an install that isn't done.
type tableStep struct {
	Disk  Disk
	Table gptTable
}

// finishStep ends an install on a disk: from then on what is there is a system, and no
// attempt's leftovers.
type finishStep struct {
	Disk  Disk
	Table gptTable
}

func (s finishStep) String() string { return "finish the partition table of " + s.Disk.Name }

func (s tableStep) String() string { return "write the partition table of " + s.Disk.Name }

// formatStep makes a file system or swap.
type formatStep struct{ Part content }

func (s formatStep) String() string {
	out := fmt.Sprintf("format %s %s %s", s.Part.Device, s.Part.FS, s.Part.UUID)
	if s.Part.Label != "" {
		out += " label " + s.Part.Label
	}
	return out
}

// mountStep mounts a file system below the target.
type mountStep struct{ Part content }

func (s mountStep) String() string { return "mount " + s.Part.Device + " on " + s.Part.Mount }

// imageStep streams the image onto the mounted target, and verifies it.
type imageStep struct {
	URL    string
	SHA256 string
}

func (s imageStep) String() string {
	return "image " + hideToken(s.URL) + "\n  sha256 " + s.SHA256
}

// bindStep mounts /dev, /proc, /sys and a /run of its own in the target.
type bindStep struct{}

func (bindStep) String() string { return "mount /dev /proc /sys /run in the system" }

// fileStep writes a file of the installed system.
type fileStep struct {
	Path string
	Mode uint32
	Text string
}

func (s fileStep) String() string {
	return fmt.Sprintf("file %s %04o\n%s", s.Path, s.Mode, indent(s.Text))
}

// chrootStep runs a program of the installed system in it.
type chrootStep struct {
	Argv  []string
	Input string // a secret, most likely
	What  string
}

func (s chrootStep) String() string {
	out := "run " + strings.Join(s.Argv, " ") + " (" + s.What + ")"
	if s.Input != "" {
		out += " with input"
	}
	return out
}

// sshKeyStep adds a key to a user's authorized keys.
type sshKeyStep struct{ User, Key string }

func (s sshKeyStep) String() string { return "ssh key of " + s.User + ": " + s.Key }

// timezoneStep sets the time zone, and whether the hardware clock is in UTC.
type timezoneStep struct {
	Zone string // "" leaves the image's
	UTC  bool
}

func (s timezoneStep) String() string { return fmt.Sprintf("timezone %q utc=%v", s.Zone, s.UTC) }

// selinuxStep sets SELinux's mode where there is SELinux.
type selinuxStep struct {
	Mode string
	Skip bool // a system that has none is warned about
}

func (s selinuxStep) String() string { return "selinux " + s.Mode }

// grubStep installs GRUB for one kind of firmware.
type grubStep struct {
	Target string // i386-pc, x86_64-efi
	Device string // for i386-pc
}

func (s grubStep) String() string { return strings.TrimSpace("grub " + s.Target + " " + s.Device) }

// grubConfigStep writes GRUB's menu.
type grubConfigStep struct {
	Boot  bootConfig
	Place bootPlace
}

func (s grubConfigStep) String() string {
	return "grub menu: root " + s.Place.Root + ", kernels in " + s.Place.BootUUID + " " + cmp.Or(s.Place.Dir, "/") + ", by " + strings.Join(s.Place.Modules, " ")
}

// scriptStep runs a script of the Kickstart.
type scriptStep struct{ Script kickstart.Script }

func (s scriptStep) String() string {
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

// unmountStep puts everything on the disks and unmounts them.
type unmountStep struct{}

func (unmountStep) String() string { return "sync and unmount" }

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}

// tokenPath is the one-time token in a URL of the appliance: /i/TOKEN/...
var tokenPath = regexp.MustCompile(`/i/[^/\s"']+`)

func hideToken(url string) string { return tokenPath.ReplaceAllString(url, "/i/…") }
