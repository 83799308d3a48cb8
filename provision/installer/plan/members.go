package plan

import (
	"fmt"
	"slices"
)

// assign chooses each partition's disk: the disk of --ondisk; for a member of an array, a disk
// without another member of that array; otherwise the first disk.
func (p *diskPlan) assign(disks []Disk) error {
	for i := range p.parts {
		part := &p.parts[i]
		if part.OnDisk == "" {
			continue
		}
		j := slices.IndexFunc(disks, func(d Disk) bool { return d.matches(part.OnDisk) })
		if j < 0 {
			return fmt.Errorf("part %s --ondisk=%s: that disk is not among those to install to: %s", part.Mount, part.OnDisk, DescribeDisks(disks))
		}
		part.Disk = disks[j].Name
	}
	for i := range p.parts {
		part := &p.parts[i]
		if part.Disk != "" {
			continue
		}
		used := p.disksOf(p.arrayOf(part.Mount))
		j := slices.IndexFunc(disks, func(d Disk) bool { return !slices.Contains(used, d.Name) })
		if j < 0 {
			return fmt.Errorf("each member of an array needs a disk of its own: no disk is left for %s; the disks to install to are %s", part.Mount, DescribeDisks(disks))
		}
		part.Disk = disks[j].Name
	}
	return nil
}

// arrayOf is the array that has a member; nil for none.
func (p *diskPlan) arrayOf(member string) *Array {
	for i := range p.arrays {
		if slices.Contains(p.arrays[i].Members, member) {
			return &p.arrays[i]
		}
	}
	return nil
}

// disksOf are the disks that an array's members have so far.
func (p *diskPlan) disksOf(a *Array) []string {
	var out []string
	for _, part := range p.parts {
		if a != nil && part.Disk != "" && slices.Contains(a.Members, part.Mount) {
			out = append(out, part.Disk)
		}
	}
	return out
}

func (p *diskPlan) oneMemberADisk() error {
	for i := range p.arrays {
		disks := p.disksOf(&p.arrays[i])
		slices.Sort(disks)
		for j := 1; j < len(disks); j++ {
			if disks[j] == disks[j-1] {
				return fmt.Errorf("raid %s (line %d): two of its members are on disk %s", p.arrays[i].Mount, p.arrays[i].Pos.Line, disks[j])
			}
		}
	}
	return nil
}

// mirrorFirmware makes each disk of a RAID 1 with the kernel boot alone. A Kickstart can't ask
// for a second biosboot partition, so each of the disks gets one if there is one at all. An
// EFI system partition on one disk becomes a RAID 1 of all of them, as with `raid /boot/efi`.
func (p *diskPlan) mirrorFirmware() {
	boot := p.bootArray()
	if boot != nil {
		p.mirrored = p.disksOf(boot)
	}
	if len(p.mirrored) > 0 {
		var first, rest []partition
		for _, part := range p.parts {
			switch part.FS {
			case "biosboot":
				for _, d := range p.withMirrors(part.Disk) {
					part.Disk = d
					first = append(first, part)
				}
			case "efi":
				esp := Array{Content: part.Content, Name: p.freeName("efi"), Level: 1}
				for i, d := range p.withMirrors(part.Disk) {
					m := part
					m.Content = Content{Mount: fmt.Sprintf("raid.%s-%d", esp.Name, i), FS: fsRAID}
					m.Disk = d
					first = append(first, m)
					esp.Members = append(esp.Members, m.Mount)
				}
				p.arrays = append(p.arrays, esp)
			default:
				rest = append(rest, part)
			}
		}
		p.parts = append(first, rest...)
	}
	for _, a := range p.arrays {
		for i := range p.parts {
			if a.Mount == "/boot/efi" && slices.Contains(a.Members, p.parts[i].Mount) {
				p.parts[i].ESP = true
			}
		}
	}
}

// withMirrors is a disk and the other mirrored ones.
func (p *diskPlan) withMirrors(disk string) []string {
	return append([]string{disk}, slices.DeleteFunc(slices.Clone(p.mirrored), func(d string) bool { return d == disk })...)
}

func (p *diskPlan) freeName(name string) string {
	for slices.ContainsFunc(p.arrays, func(a Array) bool { return a.Name == name }) {
		name += "-"
	}
	return name
}

// bootArray is the RAID 1 with the kernels, directly or below LVM; nil without such an array.
func (p *diskPlan) bootArray() *Array {
	for _, mount := range []string{"/boot", "/"} {
		for i := range p.arrays {
			if p.arrays[i].Mount == mount {
				return mirror(&p.arrays[i])
			}
		}
		for _, v := range p.volumes {
			if v.Mount != mount {
				continue
			}
			for _, g := range p.groups {
				for i := range p.arrays {
					if g.Name == v.Group && len(g.Members) == 1 && g.Members[0] == p.arrays[i].Mount {
						return mirror(&p.arrays[i])
					}
				}
			}
			return nil
		}
		if slices.ContainsFunc(p.parts, func(part partition) bool { return part.Mount == mount }) {
			return nil
		}
	}
	return nil
}

func mirror(a *Array) *Array {
	if a.Level == 1 {
		return a
	}
	return nil
}
