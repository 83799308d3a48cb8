package kickstart

import (
	"regexp"
	"slices"
	"strings"
)

// kernelDisk is the form of the kernel's names of whole disks. Only the box knows which
// disk a wildcard, a label or a by-id path means.
var kernelDisk = regexp.MustCompile(`^((sd|vd|xvd|hd|dasd)[a-z]+|nvme\d+n\d+|mmcblk\d+)$`)

// KernelDisk reports whether a name is the kernel's name of a whole disk: sda, /dev/sda.
func KernelDisk(name string) bool {
	return kernelDisk.MatchString(strings.TrimPrefix(name, "/dev/"))
}

// diskOptions are the options that name disks to use. Anaconda stops at a disk that the
// box doesn't have.
func diskOptions(command string) []string {
	switch command {
	case "part", "partition":
		return []string{"--ondisk"}
	case "clearpart":
		return []string{"--drives"}
	case "bootloader":
		return []string{"--boot-drive", "--driveorder"}
	case "ignoredisk":
		return []string{"--only-use"}
	}
	return nil
}

// Disks returns the disks that the commands of a file use, by their kernel names (sda, not
// /dev/sda). It leaves out disks that are named in another way. The places are those of
// the options' values. Without a release it reads the words as for RHEL9.
func Disks(f *File, r Release) []Word {
	syntax, err := LookupSyntax(r)
	if err != nil {
		r = RHEL9
		if syntax, err = LookupSyntax(r); err != nil {
			return nil
		}
	}
	var out []Word
	for _, cmd := range f.Commands {
		spec := syntax.Commands[cmd.Name]
		if spec == nil || diskOptions(cmd.Name) == nil {
			continue
		}
		out = append(out, disksOf(cmd.Name, Bind(&Problems{}, r, cmd.Name, spec, cmd.Words, true))...)
	}
	return out
}

func disksOf(command string, args Args) []Word {
	var out []Word
	for _, flag := range diskOptions(command) {
		o, ok := args.Option(flag)
		if !ok {
			continue
		}
		for _, name := range splitList(o.Value) {
			if name = strings.TrimPrefix(name, "/dev/"); kernelDisk.MatchString(name) {
				out = append(out, Word{name, o.ValuePos})
			}
		}
	}
	return out
}

// disks warns of disks that a command uses and ignoredisk excludes.
func (d *linter) disks(lines []*line) {
	var only, without []string // a later line of a kind replaces an earlier one
	for _, l := range lines {
		if l.c.Name != "ignoredisk" {
			continue
		}
		if list := l.args.List("--only-use"); len(list) > 0 {
			only = list
		}
		if list := l.args.List("--drives"); len(list) > 0 {
			without = list
		}
	}
	bare := func(list []string) (names []string, all bool) {
		all = len(list) > 0
		for _, name := range list {
			names, all = append(names, strings.TrimPrefix(name, "/dev/")), all && KernelDisk(name)
		}
		return names, all
	}
	wanted, known := bare(only)
	ignored, _ := bare(without)
	for _, l := range lines {
		if l.c.Name == "ignoredisk" {
			continue
		}
		for _, w := range disksOf(l.c.Name, l.args) {
			if known && !slices.Contains(wanted, w.Text) || slices.Contains(ignored, w.Text) {
				l.ps.Warnf(w.Pos, "correct one of the two", "%s: ignoredisk leaves the disk %s out", l.c.Name, w.Text)
			}
		}
	}
}
