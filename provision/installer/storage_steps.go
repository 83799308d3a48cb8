package installer

import (
	"fmt"
	"strings"
)

// arrayStep makes a software RAID.
type arrayStep struct{ Array array }

func (s arrayStep) String() string {
	a := s.Array
	return fmt.Sprintf("array %s: RAID %d of %s, metadata %s, name %s, %s", a.Device, a.Level, strings.Join(a.Devices, " "), a.Metadata, a.Name, a.ID)
}

// volumeGroupStep makes a volume group.
type volumeGroupStep struct {
	Name    string
	Devices []string
}

func (s volumeGroupStep) String() string {
	return "volume group " + s.Name + " of " + strings.Join(s.Devices, " ")
}

// volumeStep makes a logical volume.
type volumeStep struct {
	Group, Name, Device string
	Extents             int64
}

func (s volumeStep) String() string {
	return fmt.Sprintf("volume %s of %s, %d MiB: %s", s.Name, s.Group, s.Extents*extent/mib, s.Device)
}

// storageStep tells the installed system of its arrays and groups: mdadm.conf, and
// an initramfs that assembles them.
type storageStep struct {
	Arrays  []array
	Volumes []volumeLine // that must be there for the system to boot
}

func (s storageStep) String() string {
	out := "make the system find its disks"
	for _, l := range s.arrayLines() {
		out += "\n  " + l
	}
	for _, v := range s.Volumes {
		out += "\n  volume " + v.Group + "/" + v.Name
	}
	return out
}

// arrayLines are those of mdadm.conf(5).
func (s storageStep) arrayLines() []string {
	var out []string
	for _, a := range s.Arrays {
		out = append(out, fmt.Sprintf("ARRAY /dev/md/%s metadata=%s UUID=%s", a.Name, a.Metadata, a.ID))
	}
	return out
}

// stopStep takes volume groups and arrays apart in an orderly way, so that the
// system finds them clean.
type stopStep struct{}

func (stopStep) String() string { return "stop arrays and volume groups" }

// needStep looks whether the image has a program that its system can't do without.
type needStep struct{ Program, For string }

func (s needStep) String() string { return "the image must have " + s.Program + ", for " + s.For }

// flushStep waits until everything is on the disks, their own caches too.
type flushStep struct{}

func (flushStep) String() string { return "write the disks' caches out" }
