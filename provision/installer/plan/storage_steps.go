package plan

import (
	"fmt"
	"strings"
)

// ArrayStep makes a software RAID.
type ArrayStep struct{ Array Array }

// String describes the step.
func (s ArrayStep) String() string {
	a := s.Array
	return fmt.Sprintf("array %s: RAID %d of %s, metadata %s, name %s, %s", a.Device, a.Level, strings.Join(a.Devices, " "), a.Metadata, a.Name, a.ID)
}

// VolumeGroupStep makes a volume group.
type VolumeGroupStep struct {
	Name    string
	Devices []string
}

// String describes the step.
func (s VolumeGroupStep) String() string {
	return "volume group " + s.Name + " of " + strings.Join(s.Devices, " ")
}

// VolumeStep makes a logical volume.
type VolumeStep struct {
	Group, Name, Device string
	Extents             int64
}

// String describes the step.
func (s VolumeStep) String() string {
	return fmt.Sprintf("volume %s of %s, %d MiB: %s", s.Name, s.Group, s.Extents*extent/MiB, s.Device)
}

// StorageStep makes the installed system find its arrays and groups: mdadm.conf, and an
// initramfs that assembles them.
type StorageStep struct {
	Arrays  []Array
	Volumes []Volume // that must be there for the system to boot
}

// String describes the step.
func (s StorageStep) String() string {
	out := "make the system find its disks"
	for _, l := range s.ArrayLines() {
		out += "\n  " + l
	}
	for _, v := range s.Volumes {
		out += "\n  volume " + v.Group + "/" + v.Name
	}
	return out
}

// ArrayLines are those of mdadm.conf(5).
func (s StorageStep) ArrayLines() []string {
	var out []string
	for _, a := range s.Arrays {
		out = append(out, fmt.Sprintf("ARRAY /dev/md/%s metadata=%s UUID=%s", a.Name, a.Metadata, a.ID))
	}
	return out
}

// StopStep stops volume groups and arrays, so that the system finds them clean.
type StopStep struct{}

// String describes the step.
func (StopStep) String() string { return "stop arrays and volume groups" }

// NeedStep fails when the image lacks a program that its system needs.
type NeedStep struct{ Program, For string }

// String describes the step.
func (s NeedStep) String() string { return "the image must have " + s.Program + ", for " + s.For }

// FlushStep waits until everything is written, past the disks' own caches.
type FlushStep struct{}

// String describes the step.
func (FlushStep) String() string { return "write the disks' caches out" }
