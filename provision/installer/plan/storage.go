package plan

import (
	"strings"

	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// A storage is the disks' layout in the Kickstart.
type storage struct {
	parts   []partition
	arrays  []Array
	groups  []VolumeGroup
	volumes []Volume
	auto    *autopart
	reqpart bool // the partitions that firmware needs
	addBoot bool // and a /boot
}

// An Array is one `raid` line: a software RAID.
type Array struct {
	Content
	Pos     kickstart.Pos
	Name    string
	Level   int
	Members []string // raid.01

	// added by planning
	Number   int
	Devices  []string // vda2, vdb2
	Metadata string   // md(4): 1.2, or 1.0 where firmware must be able to read a member alone
	ID       string   // as mdadm has it: 01234567:89abcdef:...
}

// A VolumeGroup is one `volgroup` line.
type VolumeGroup struct {
	Pos     kickstart.Pos
	Name    string
	Members []string // pv.01

	// added by planning
	Devices []string // vda2, md1
	Extents int64    // that its volumes may have
}

// A Volume is one `logvol` line.
type Volume struct {
	Content
	Pos       kickstart.Pos
	Group     string
	Name      string
	Size      int64 // MiB
	Max       int64
	Grow      bool
	Percent   int64 // of the space that volumes with a size leave free
	Recommend bool

	Extents int64 // added by planning
}

// An autopart is the `autopart` line.
type autopart struct {
	LVM                    bool
	NoHome, NoBoot, NoSwap bool
	FS                     string
}

// command reads the commands that lay out disks; false for others.
func (s *storage) command(c *kickstart.Command, verb engine.Verb, a kickstart.Args, arg string) bool {
	switch verb {
	case engine.Part:
		s.parts = append(s.parts, readPartition(c.Pos, a, arg))
	case engine.Raid:
		s.arrays = append(s.arrays, Array{
			Content: readContent(a, arg), Pos: c.Pos, Members: memberNames(c, a),
			// as pykickstart has it: md0 is 0
			Name: strings.TrimPrefix(a.Value("--device"), "md"), Level: engine.RaidLevel(a.Value("--level")),
		})
	case engine.VolGroup:
		s.groups = append(s.groups, VolumeGroup{Pos: c.Pos, Name: arg, Members: memberNames(c, a)})
	case engine.LogVol:
		s.volumes = append(s.volumes, Volume{
			Content: readContent(a, arg), Pos: c.Pos, Group: a.Value("--vgname"), Name: a.Value("--name"),
			Size: number(a, "--size"), Max: number(a, "--maxsize"), Grow: a.Has("--grow"),
			Percent: number(a, "--percent"), Recommend: a.Has("--recommended"),
		})
	case engine.AutoPart:
		if s.auto == nil {
			s.auto = &autopart{LVM: true, FS: "ext4"}
		}
		s.auto.read(a)
	case engine.ReqPart:
		s.reqpart, s.addBoot = true, s.addBoot || a.Has("--add-boot")
	default:
		return false
	}
	return true
}

// read adds an autopart line to earlier ones.
func (p *autopart) read(a kickstart.Args) {
	for _, o := range a.Options {
		switch o.Name() {
		case "--type":
			p.LVM = o.Value == "lvm"
		case "--nolvm":
			p.LVM = false
		case "--nohome":
			p.NoHome = true
		case "--noboot":
			p.NoBoot = true
		case "--noswap":
			p.NoSwap = true
		case "--fstype":
			p.FS = o.Value
		}
	}
}

func number(a kickstart.Args, flag string) int64 { return int64(kickstart.Count(a.Value(flag))) }

func memberNames(c *kickstart.Command, a kickstart.Args) []string {
	var out []string
	for _, w := range kickstart.Members(c, a) {
		out = append(out, w.Text)
	}
	return out
}

func readPartition(pos kickstart.Pos, a kickstart.Args, mount string) partition {
	return partition{
		Content: readContent(a, mount), Pos: pos, Size: number(a, "--size"), Max: number(a, "--maxsize"),
		Grow: a.Has("--grow"), Recommend: a.Has("--recommended"), OnDisk: a.Value("--ondisk"),
	}
}

func readContent(a kickstart.Args, mount string) Content {
	c := Content{
		Mount: kickstart.MountPoint(mount), FS: a.Value("--fstype"),
		Label: a.Value("--label"), Options: a.Value("--fsoptions"),
	}
	switch {
	case c.FS != "":
	case c.Mount == "swap" || c.Mount == "biosboot":
		c.FS = c.Mount
	case c.Mount == "/boot/efi":
		c.FS = "efi"
	case strings.HasPrefix(c.Mount, "raid."):
		c.FS = fsRAID
	case strings.HasPrefix(c.Mount, "pv."):
		c.FS = fsLVM
	default:
		c.FS = "ext4"
	}
	return c
}
