package engine

import "rackhand/templates/kickstart"

import "strings"

// The storage verbs beside Part, ClearPart and IgnoreDisk. They are numbered apart from
// the others.
const (
	AutoPart Verb = iota + 100
	LogVol
	Raid
	ReqPart
	VolGroup
)

// fileSystems are the file systems that the image engine makes and mounts.
func fileSystems(more ...string) []string {
	return append([]string{"ext4", "xfs", "ext3", "ext2", "vfat"}, more...)
}

// storageCommands are the storage commands of the image engine.
func storageCommands() []Command {
	return []Command{
		{Verb: AutoPart, Names: []string{"autopart"}, Options: []Option{
			{Flag: "--type", Kind: kickstart.KindLine, Only: []string{"plain", "lvm"}},
			{Flag: "--nolvm"},
			{Flag: "--nohome"},
			{Flag: "--noboot"},
			{Flag: "--noswap"},
			{Flag: "--fstype", Kind: kickstart.KindLine, Only: []string{"ext4", "xfs", "ext3", "ext2"}},
		}},
		{Verb: LogVol, Names: []string{"logvol"}, Arg: kickstart.KindMount, Options: []Option{
			{Flag: "--vgname", Kind: kickstart.KindVolume},
			{Flag: "--name", Kind: kickstart.KindVolume},
			{Flag: "--fstype", Kind: kickstart.KindLine, Only: fileSystems("swap")},
			{Flag: "--size", Kind: kickstart.KindCount},
			{Flag: "--grow"},
			{Flag: "--maxsize", Kind: kickstart.KindCount},
			{Flag: "--percent", Kind: kickstart.KindCount},
			{Flag: "--recommended"},
			{Flag: "--label", Kind: kickstart.KindLabel},
			{Flag: "--fsoptions", Kind: kickstart.KindName},
		}},
		{Verb: Part, Names: []string{"part", "partition"}, Arg: kickstart.KindPlace, Options: []Option{
			{Flag: "--fstype", Kind: kickstart.KindLine, Only: fileSystems("swap", "efi", "biosboot")},
			{Flag: "--size", Kind: kickstart.KindCount},
			{Flag: "--grow"},
			{Flag: "--maxsize", Kind: kickstart.KindCount},
			{Flag: "--recommended"},
			{Flag: "--ondisk", Kind: kickstart.KindName},
			{Flag: "--label", Kind: kickstart.KindLabel},
			{Flag: "--fsoptions", Kind: kickstart.KindName},
			{Flag: "--asprimary", NoOp: true}, // all partitions of a GPT are primary
		}},
		{Verb: Raid, Names: []string{"raid"}, Arg: kickstart.KindPlace, Many: true, Options: []Option{
			{Flag: "--device", Kind: kickstart.KindVolume},
			{Flag: "--level", Kind: kickstart.KindLine, Only: []string{"1", "0", "RAID1", "RAID0", "raid1", "raid0"}, Need: true},
			{Flag: "--fstype", Kind: kickstart.KindLine, Only: fileSystems("swap", "efi")},
			{Flag: "--label", Kind: kickstart.KindLabel},
			{Flag: "--fsoptions", Kind: kickstart.KindName},
		}},
		{Verb: ReqPart, Names: []string{"reqpart"}, Options: []Option{{Flag: "--add-boot"}}},
		{Verb: VolGroup, Names: []string{"volgroup"}, Arg: kickstart.KindVolume, Many: true, Options: []Option{
			{Flag: "--pesize", Kind: kickstart.KindCount, Only: []string{"4096"}, NoOp: true}, // KiB
		}},
	}
}

// RaidLevel is the number of a RAID level: 1 for "RAID1".
func RaidLevel(s string) int { return kickstart.Count(strings.TrimPrefix(strings.ToLower(s), "raid")) }

// A layout is the sum of all storage lines.
type layout struct {
	ps      *kickstart.Problems
	f       *kickstart.File
	unclear bool // a line has an error, so nothing can be called missing
	mounts  map[string]int
	members map[string]kickstart.Pos // the raid.NAME and pv.NAME that are defined
	used    map[string]int           // the line in which each is used
	groups  map[string]int
	boot    bool
}

// imageStorage checks rules about all storage lines together.
func imageStorage(ps *kickstart.Problems, f *kickstart.File) {
	l := &layout{
		ps: ps, f: f, mounts: map[string]int{}, members: map[string]kickstart.Pos{},
		used: map[string]int{}, groups: map[string]int{},
	}
	top := kickstart.Pos{Line: 1, Col: 1}
	if len(f.Find("clearpart")) == 0 {
		ps.Errorf(top, "add clearpart --all --initlabel", "rackhand-installer lays out whole disks")
	}
	if auto := f.Find("autopart"); len(auto) > 0 {
		if others := f.Find("part", "partition", "raid", "volgroup", "logvol", "reqpart"); len(others) > 0 {
			ps.Errorf(others[0].Pos, "leave one of them out", "%s doesn't go with autopart of line %d", others[0].Name, auto[0].Pos.Line)
		}
		return
	}
	l.each(l.reqpart, "reqpart")
	l.each(l.part, "part", "partition")
	l.each(l.raid, "raid")
	l.each(l.volgroup, "volgroup")
	l.each(l.logvol, "logvol")
	if l.unclear {
		return
	}
	for _, c := range f.Find("part", "partition", "raid") {
		_, args, _ := ReadCommand(f, c)
		if name := args.Positionals[0].Text; isMember(name) && l.used[name] == 0 {
			ps.Errorf(c.Pos, "leave it out, or use it in a raid or volgroup line", "%s is part of nothing", name)
		}
	}
	switch {
	case l.mounts["/"] == 0:
		ps.Errorf(top, "add part / --fstype=ext4 --size=1024 --grow", "there is no partition for /")
	case !l.boot:
		ps.Warnf(top, "write reqpart, or part biosboot --fstype=biosboot --size=1 and part /boot/efi --fstype=efi --size=128",
			"there is no partition for the boot loader: biosboot (1 MiB) and /boot/efi (128 MiB) are made on the disk with the kernels")
	}
}

func (l *layout) each(f func(*kickstart.Command, kickstart.Args), names ...string) {
	for _, c := range l.f.Find(names...) {
		_, args, problems := ReadCommand(l.f, c)
		if len(kickstart.Errors(problems)) > 0 {
			l.unclear = true // ReadCommand has reported it
			continue
		}
		f(c, args)
	}
}

func isMember(name string) bool {
	return strings.HasPrefix(name, "raid.") || strings.HasPrefix(name, "pv.")
}

// place notes a mount point or a member, and reports whether it is a member.
func (l *layout) place(c *kickstart.Command, args kickstart.Args) (name string, member bool) {
	name = kickstart.MountPoint(args.Positionals[0].Text)
	if isMember(name) {
		if first, ok := l.members[name]; ok {
			l.ps.Errorf(c.Pos, "", "%s is laid out twice; first in line %d", name, first.Line)
		}
		l.members[name] = c.Pos
		for _, o := range []string{"--fstype", "--label", "--fsoptions", "--recommended"} {
			if args.Has(o) {
				l.ps.Errorf(c.Pos, "leave it out", "%s has no %s: it is part of something else", name, o)
			}
		}
		return name, true
	}
	if first, ok := l.mounts[name]; ok && name != "swap" {
		l.ps.Errorf(c.Pos, "", "%s is laid out twice; first in line %d", name, first)
	}
	l.mounts[name] = c.Pos.Line
	return name, false
}

// reqpart notes the partitions that firmware needs, of both kinds.
func (l *layout) reqpart(c *kickstart.Command, args kickstart.Args) {
	l.boot = true
	l.mounts["biosboot"], l.mounts["/boot/efi"] = c.Pos.Line, c.Pos.Line
	if args.Has("--add-boot") {
		l.mounts["/boot"] = c.Pos.Line
	}
}

func (l *layout) part(c *kickstart.Command, args kickstart.Args) {
	mount, member := l.place(c, args)
	fstype := args.Value("--fstype")
	l.boot = l.boot || mount == "biosboot" || fstype == "biosboot" || fstype == "efi"
	switch o, ok := args.Option("--size"); {
	case args.Has("--recommended") && mount != "swap":
		l.ps.Errorf(c.Pos, "give a --size", "part --recommended is for swap")
	case !ok && !args.Has("--recommended"):
		l.ps.Errorf(c.Pos, "", "rackhand-installer needs part with --size")
	case ok && kickstart.Count(o.Value) == 0:
		l.ps.Errorf(o.ValuePos, "in MiB", "part %s has no size", mount)
	}
	if !member {
		l.content(c, args, mount, fstype)
	}
}

// content checks that a file system fits its mount point, on any device.
func (l *layout) content(c *kickstart.Command, args kickstart.Args, mount, fstype string) {
	ps, label := l.ps, len(args.Value("--label"))
	switch {
	case fstype == "efi" && mount != "/boot/efi":
		ps.Errorf(c.Pos, "mount it on /boot/efi", "the EFI system partition can't be %s", mount)
	case (mount == "swap") != (fstype == "swap") && fstype != "":
		ps.Errorf(c.Pos, "", "%s can't be of type %s", mount, fstype)
	case (mount == "biosboot") != (fstype == "biosboot") && fstype != "":
		ps.Errorf(c.Pos, "", "%s can't be of type %s", mount, fstype)
	case mount == "/" && (fstype == "vfat" || fstype == "efi"):
		ps.Errorf(c.Pos, "use ext4", "/ can't be of type %s", fstype)
	case (fstype == "vfat" || fstype == "efi") && label > 11:
		ps.Errorf(c.Pos, "", "a label of a FAT file system has up to 11 bytes")
	case fstype == "xfs" && label > 12:
		ps.Errorf(c.Pos, "", "a label of an XFS file system has up to 12 bytes")
	case fstype == "xfs" && !args.Has("--grow") && args.Has("--size") && kickstart.Count(args.Value("--size")) < 300:
		ps.Errorf(c.Pos, "use ext4, or --size=300 and more", "mkfs.xfs makes no file system below 300 MiB")
	}
}

func (l *layout) raid(c *kickstart.Command, args kickstart.Args) {
	mount, member := l.place(c, args)
	level, fstype := RaidLevel(args.Value("--level")), args.Value("--fstype")
	l.boot = l.boot || mount == "/boot/efi"
	switch {
	case strings.HasPrefix(mount, "raid."):
		l.ps.Errorf(c.Pos, "use part", "an array of arrays can't be carried out")
	case mount == "biosboot":
		l.ps.Errorf(c.Pos, "write part biosboot once: each disk of the RAID 1 with /boot gets one", "GRUB's own partition can't be on RAID")
	case mount == "/boot/efi" && level != 1:
		l.ps.Errorf(c.Pos, "use level 1", "firmware reads no EFI system partition on RAID %d", level)
	case mount == "/boot/efi" && fstype != "efi" && fstype != "":
		l.ps.Errorf(c.Pos, "use efi", "/boot/efi on RAID can't be of type %s", fstype)
	}
	if !member {
		l.content(c, args, mount, fstype)
	}
	words := kickstart.Members(c, args)
	if len(words) < 2 {
		l.ps.Errorf(c.Pos, "", "an array needs two members")
	}
	l.use(c, words, "raid.")
}

func (l *layout) volgroup(c *kickstart.Command, args kickstart.Args) {
	name := args.Taken[0][0].Text
	if first, ok := l.groups[name]; ok {
		l.ps.Errorf(c.Pos, "", "a second volume group %s; the first is in line %d", name, first)
	}
	l.groups[name] = c.Pos.Line
	l.use(c, kickstart.Members(c, args), "pv.")
}

// use notes the members of an array or a volume group.
func (l *layout) use(c *kickstart.Command, words []kickstart.Word, kind string) {
	for _, w := range words {
		_, there := l.members[w.Text]
		switch {
		case !strings.HasPrefix(w.Text, kind):
			l.ps.Errorf(w.Pos, "", "%s can't be part of a %s: its members are named %sNAME", kickstart.Clip(w.Text), c.Name, kind)
		case !there && !l.unclear:
			l.ps.Errorf(w.Pos, "add part "+w.Text+" --size=MiB", "%s is not laid out", w.Text)
		case l.used[w.Text] != 0:
			l.ps.Errorf(w.Pos, "", "%s is used twice; first in line %d", w.Text, l.used[w.Text])
		}
		l.used[w.Text] = c.Pos.Line
	}
}

func (l *layout) logvol(c *kickstart.Command, args kickstart.Args) {
	mount, _ := l.place(c, args)
	vg, name, fstype := args.Value("--vgname"), args.Value("--name"), args.Value("--fstype")
	if l.groups[vg] == 0 && !l.unclear {
		l.ps.Errorf(c.Pos, "add volgroup "+vg+" pv.NAME", "there is no volume group %s", vg)
	}
	key := vg + "/" + name
	if first, ok := l.used[key]; ok {
		l.ps.Errorf(c.Pos, "", "a second volume %s; the first is in line %d", key, first)
	}
	l.used[key] = c.Pos.Line
	switch {
	case mount == "biosboot" || mount == "/boot/efi":
		l.ps.Errorf(c.Pos, "use part", "firmware doesn't read %s from LVM", mount)
	case args.Has("--recommended") && mount != "swap":
		l.ps.Errorf(c.Pos, "give a --size", "logvol --recommended is for swap")
	}
	l.content(c, args, mount, fstype)
}
