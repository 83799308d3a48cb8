package plan

import (
	"fmt"
	"slices"
	"strings"
)

// A diskPlan is the storage with every place, size and name decided.
type diskPlan struct {
	tables   []diskTable
	parts    []partition
	arrays   []Array
	groups   []VolumeGroup
	volumes  []Volume
	contents []Content // everything that is formatted: partitions, arrays, volumes, in the Kickstart's order
	mirrored []string  // disks that each must boot without the others
	added    string    // the partitions added for the firmware, in words; "" for nothing
}

type diskTable struct {
	disk  Disk
	table Table
}

// extent is LVM's unit here, its default.
const extent = 4 * MiB

// planStorage lays out. disks are those to install to; memory is in MiB.
func planStorage(s storage, disks []Disk, memory int64, fw firmware, newGUID func() string) (*diskPlan, error) {
	s = s.expand(memory, disks[0].Size/MiB)
	p := &diskPlan{parts: s.parts, arrays: slices.Clone(s.arrays), groups: slices.Clone(s.groups), volumes: s.volumes}
	if err := p.assign(disks); err != nil {
		return nil, err
	}
	p.addFirmware(fw, disks)
	if err := p.oneMemberADisk(); err != nil {
		return nil, err
	}
	p.mirrorFirmware()
	if err := p.layOutDisks(disks, newGUID); err != nil {
		return nil, err
	}
	p.makeArrays(newGUID)
	if err := p.makeGroups(); err != nil {
		return nil, err
	}
	p.listFormats(newGUID)
	for _, c := range p.contents {
		if c.FS == "xfs" && c.Length < 300*MiB {
			return nil, fmt.Errorf("%s would have %d MiB, and mkfs.xfs makes no file system below 300 MiB: use ext4, or a larger disk", c.Mount, c.Length/MiB)
		}
	}
	return p, nil
}

// layOutDisks gives the partitions their places. A disk without partitions isn't touched.
func (p *diskPlan) layOutDisks(disks []Disk, newGUID func() string) error {
	for _, d := range disks {
		var mine []*partition
		for i := range p.parts {
			if p.parts[i].Disk == d.Name {
				mine = append(mine, &p.parts[i])
			}
		}
		if len(mine) == 0 {
			continue
		}
		if err := layOut(d, mine); err != nil {
			return err
		}
		t := Table{GUID: newGUID(), Size: d.Size, Sector: d.Sector}
		for _, part := range mine {
			part.GUID, part.UUID = newGUID(), fsUUID(part.FS, newGUID())
			t.Parts = append(t.Parts, TablePart{Type: part.gptType(), GUID: part.GUID, Name: partName(part), Start: part.Start, Length: part.Length})
		}
		p.tables = append(p.tables, diskTable{d, t})
	}
	return nil
}

// fsUUID is a UUID in the form that a file system has.
func fsUUID(fs, guid string) string {
	if fs == "efi" || fs == "vfat" {
		return strings.ToUpper(guid[:4] + "-" + guid[4:8]) // FAT has 32 bits
	}
	return guid
}

func partName(p *partition) string {
	if p.Label != "" {
		return p.Label
	}
	switch p.Mount {
	case "/":
		return "root"
	case "swap", "biosboot":
		return p.Mount
	}
	return strings.TrimPrefix(p.Mount, "/")
}

// makeArrays names the arrays' devices and sizes.
func (p *diskPlan) makeArrays(newGUID func() string) {
	for i := range p.arrays {
		a := &p.arrays[i]
		a.Number, a.Device, a.Metadata = i, fmt.Sprintf("md%d", i), "1.2"
		if a.Mount == "/boot/efi" {
			// at the member's end: firmware takes each for a plain FAT file system
			a.Metadata = "1.0"
		}
		id := strings.ReplaceAll(newGUID(), "-", "")
		a.ID = strings.Join([]string{id[:8], id[8:16], id[16:24], id[24:]}, ":")
		a.UUID = fsUUID(a.FS, newGUID())
		for _, m := range a.Members {
			for _, part := range p.parts {
				if part.Mount != m {
					continue
				}
				a.Devices = append(a.Devices, part.Device)
				usable := part.Length - mdOverhead
				if a.Level == 0 {
					a.Length += usable
				} else if a.Length == 0 || usable < a.Length {
					a.Length = usable
				}
			}
		}
	}
}

// mdOverhead is more than md takes of a member: 1 MiB before the data (see ArrayStep),
// and what it rounds off.
const mdOverhead = 2 * MiB

// makeGroups finds each group's members and divides its extents.
func (p *diskPlan) makeGroups() error {
	for i := range p.groups {
		g := &p.groups[i]
		for _, m := range g.Members {
			for _, part := range p.parts {
				if part.Mount == m {
					g.Devices, g.Extents = append(g.Devices, part.Device), g.Extents+(part.Length-MiB)/extent
				}
			}
			for _, a := range p.arrays {
				if a.Mount == m { // LVM aligns to the chunks of a RAID 0: one extent is more than that takes
					g.Devices, g.Extents = append(g.Devices, a.Device), g.Extents+(a.Length-MiB)/extent-1
				}
			}
		}
		if err := p.shareGroup(*g); err != nil {
			return err
		}
	}
	return nil
}

func (p *diskPlan) shareGroup(g VolumeGroup) error {
	var (
		slots []*slot
		mine  []*Volume
		fixed int64
	)
	for i := range p.volumes {
		if v := &p.volumes[i]; v.Group == g.Name {
			r := &slot{Size: (v.Size*MiB + extent - 1) / extent, Max: v.Max * MiB / extent, Grow: v.Grow}
			slots, mine, fixed = append(slots, r), append(mine, v), fixed+r.Size
		}
	}
	for i, v := range mine {
		if v.Percent > 0 {
			slots[i].Size = max(1, (g.Extents-fixed)*v.Percent/100)
		}
	}
	if missing := distribute(g.Extents, slots); missing > 0 {
		return fmt.Errorf("volume group %s has room for %d MiB; its volumes need %d MiB", g.Name, g.Extents*extent/MiB, (g.Extents+missing)*extent/MiB)
	}
	for i, v := range mine {
		if slots[i].Got == 0 {
			return fmt.Errorf("volume %s of group %s would have no room", v.Name, g.Name)
		}
		v.Extents, v.Length = slots[i].Got, slots[i].Got*extent
		v.Device = "mapper/" + mapperName(g.Name) + "-" + mapperName(v.Name)
	}
	return nil
}

// mapperName is a name as LVM has it below /dev/mapper, where - parts group and
// volume.
func mapperName(s string) string { return strings.ReplaceAll(s, "-", "--") }

// listFormats lists what is to be formatted.
func (p *diskPlan) listFormats(newGUID func() string) {
	for _, part := range p.parts {
		if part.formatted() {
			p.contents = append(p.contents, part.Content)
		}
	}
	for _, a := range p.arrays {
		if a.formatted() && !strings.HasPrefix(a.Mount, "pv.") {
			p.contents = append(p.contents, a.Content)
		}
	}
	for _, v := range p.volumes {
		v.UUID = fsUUID(v.FS, newGUID())
		p.contents = append(p.contents, v.Content)
	}
}

// has reports whether there is something of this kind on any disk.
func (p *diskPlan) has(fs string) bool {
	return slices.ContainsFunc(p.parts, func(part partition) bool { return part.FS == fs }) ||
		slices.ContainsFunc(p.contents, func(c Content) bool { return c.FS == fs })
}

// steps are those from the guard to the mounting. keep is the Recipe's.
func (p *diskPlan) steps(may Overwrite, keep string) []Step {
	var (
		out   []Step
		disks []Disk
	)
	for _, t := range p.tables {
		id := t.disk.ID()
		out = append(out, GuardStep{Disk: t.disk, Wipe: may.Wipe, Keep: keep, Overwritable: id != "" && slices.Contains(may.Overwritable, id)})
		disks = append(disks, t.disk)
	}
	if !may.Wipe { // --wipe covers later attempts as well
		out = append(out, BlankStep{disks})
	}
	for _, t := range p.tables {
		out = append(out, PartitionStep{Disk: t.disk, Table: t.table})
	}
	for _, a := range p.arrays {
		out = append(out, ArrayStep{Array: a})
	}
	for _, g := range p.groups {
		out = append(out, VolumeGroupStep{Name: g.Name, Devices: g.Devices})
	}
	for _, v := range p.volumes {
		out = append(out, VolumeStep{Group: v.Group, Name: v.Name, Device: v.Device, Extents: v.Extents})
	}
	for _, c := range p.contents {
		out = append(out, FormatStep{Part: c})
	}
	for _, c := range inMountOrder(p.contents) {
		out = append(out, MountStep{Part: c})
	}
	return out
}

// needs check for the programs without which the system would not find its disks.
func (p *diskPlan) needs() []Step {
	var out []Step
	if len(p.arrays) > 0 {
		out = append(out, NeedStep{Program: "mdadm", For: "software RAID"})
	}
	if len(p.groups) > 0 {
		out = append(out, NeedStep{Program: "lvm", For: "LVM"})
	}
	return out
}

// found are the steps that make the installed system find its disks.
func (p *diskPlan) found() []Step {
	if len(p.arrays)+len(p.groups) == 0 {
		return nil
	}
	s := StorageStep{Arrays: p.arrays}
	for _, v := range p.volumes {
		if v.Mount == "/" || v.Mount == "/usr" || v.FS == "swap" {
			s.Volumes = append(s.Volumes, v)
		}
	}
	return []Step{s}
}
