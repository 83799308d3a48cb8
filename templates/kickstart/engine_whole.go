package kickstart

// imageWhole checks what only the whole file can tell.
func imageWhole(ps *problems, f *File) {
	top := Pos{1, 1}
	switch images := f.Find("liveimg"); {
	case len(images) == 0:
		ps.errorf(top, "add liveimg --url=URL --checksum=SHA256", "there is nothing to install")
	case len(images) > 1:
		ps.errorf(images[1].Pos, "leave one of them out", "a second liveimg; the first is in line %d", images[0].Pos.Line)
	}
	if len(f.Find("clearpart")) == 0 {
		ps.errorf(top, "add clearpart --all --initlabel", "rackhand-installer lays out whole disks")
	}
	var root, boot bool
	seen := map[string]int{}
	for _, c := range f.Find("part", "partition") {
		_, args, problems := ImageCommand(f, c)
		if len(Errors(problems)) > 0 {
			root, boot = true, true // reported already; don't guess from it
			continue
		}
		mount, fstype := MountPoint(args.Positionals[0].Text), args.Value("--fstype")
		root = root || mount == "/"
		boot = boot || mount == "biosboot" || fstype == "biosboot" || fstype == "efi"
		if first, ok := seen[mount]; ok && mount != "swap" {
			ps.errorf(c.Pos, "", "%s is laid out twice; first in line %d", mount, first)
		}
		seen[mount] = c.Pos.Line
		imagePart(ps, c, args, mount, fstype)
	}
	if !root {
		ps.errorf(top, "add part / --fstype=ext4 --size=1024 --grow", "there is no partition for /")
	}
	if !boot {
		ps.errorf(top, "add part biosboot --fstype=biosboot --size=1, or part /boot/efi --fstype=efi --size=128",
			"the disk could not be booted")
	}
	imageNetwork(ps, f)
	imageRepeats(ps, f)
}

// imagePart checks that a partition's file system and mount point fit.
func imagePart(ps *problems, c *Command, args Args, mount, fstype string) {
	switch {
	case fstype == "efi" && mount != "/boot/efi":
		ps.errorf(c.Pos, "mount it on /boot/efi", "the EFI system partition can't be %s", mount)
	case (mount == "swap") != (fstype == "swap") && fstype != "":
		ps.errorf(c.Pos, "", "%s can't be of type %s", mount, fstype)
	case (mount == "biosboot") != (fstype == "biosboot") && fstype != "":
		ps.errorf(c.Pos, "", "%s can't be of type %s", mount, fstype)
	case mount == "/" && (fstype == "vfat" || fstype == "efi"):
		ps.errorf(c.Pos, "use ext4", "/ can't be of type %s", fstype)
	case fstype == "vfat" && len(args.Value("--label")) > 11, fstype == "efi" && len(args.Value("--label")) > 11:
		ps.errorf(c.Pos, "", "a label of a FAT file system has up to 11 bytes")
	}
	if o, ok := args.Option("--size"); ok && Count(o.Value) == 0 {
		ps.errorf(o.ValuePos, "in MiB", "part %s has no size", mount)
	}
}
