package plan

// expand turns autopart and reqpart, and sizes that are recommended, into lines of
// their own. memory and disk (the first disk's size) are in MiB.
func (s storage) expand(memory, disk int64) storage {
	out := s
	var firmware []partition
	if s.reqpart || s.auto != nil {
		// both, whichever firmware it is: a box may be switched over later
		firmware = []partition{
			{Content: Content{Mount: "biosboot", FS: "biosboot"}, Size: 1},
			{Content: Content{Mount: "/boot/efi", FS: "efi"}, Size: 600},
		}
	}
	if s.addBoot {
		firmware = append(firmware, partition{Content: Content{Mount: "/boot", FS: "ext4"}, Size: 1024})
	}
	out.parts = append(firmware, s.parts...)
	if s.auto != nil {
		s.auto.expand(&out, disk)
	}
	for i := range out.parts {
		if p := &out.parts[i]; p.Recommend {
			p.Size = swapSize(memory, disk)
		}
	}
	out.volumes = append([]Volume{}, out.volumes...)
	for i := range out.volumes {
		if v := &out.volumes[i]; v.Recommend {
			v.Size = swapSize(memory, disk)
		}
	}
	return out
}

// expand lays out as Anaconda's default does: /boot, swap, / up to 70 GiB and, on
// a disk of 50 GiB or more, the rest as /home.
func (a *autopart) expand(s *storage, disk int64) {
	if !a.NoBoot {
		s.parts = append(s.parts, partition{Content: Content{Mount: "/boot", FS: a.FS}, Size: 1024})
	}
	root := partition{Content: Content{Mount: "/", FS: a.FS}, Size: 1024, Grow: true}
	home := partition{Content: Content{Mount: "/home", FS: a.FS}, Size: 500, Grow: true}
	lines := []partition{root}
	if !a.NoHome && disk >= 50<<10 {
		lines[0].Max = 70 << 10
		lines = append(lines, home)
	}
	if !a.NoSwap {
		lines = append([]partition{{Content: Content{Mount: "swap", FS: "swap"}, Recommend: true}}, lines...)
	}
	if !a.LVM {
		s.parts = append(s.parts, lines...)
		return
	}
	const vg, pv = "system", "pv.autopart"
	s.parts = append(s.parts, partition{Content: Content{Mount: pv, FS: fsLVM}, Size: 1024, Grow: true})
	s.groups = []VolumeGroup{{Name: vg, Members: []string{pv}}}
	names := map[string]string{"/": "root", "/home": "home", "swap": "swap"}
	for _, p := range lines {
		s.volumes = append(s.volumes, Volume{
			Content: p.Content, Group: vg, Name: names[p.Mount], Size: p.Size, Max: p.Max, Grow: p.Grow, Recommend: p.Recommend,
		})
	}
}

// swapSize is how much swap Anaconda recommends (its guide for RHEL 9,
// "Recommended partitioning scheme"), in MiB: a tenth of the disk at most.
func swapSize(memory, disk int64) int64 {
	size := int64(4 << 10)
	switch {
	case memory < 2<<10:
		size = 2 * memory
	case memory < 8<<10:
		size = memory
	case memory < 64<<10:
		size = max(4<<10, memory/2)
	}
	return max(64, min(size, disk/10))
}
