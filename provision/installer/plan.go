package installer

import (
	"errors"
	"slices"

	"rackhand/provision/installer/netconf"
)

// Plan turns a recipe and the machine's facts into the steps to carry out, from
// the disk guard to the unmounting. newGUID gives random GUIDs. It is pure.
func Plan(r *Recipe, facts Facts, may Leave, newGUID func() string) ([]Step, error) {
	if r.file != nil {
		return nil, errors.New("the Kickstart's %include lines were not read: this is a defect in rackhand")
	}
	var onDisk []string
	for _, p := range r.parts {
		if p.OnDisk != "" && !slices.Contains(onDisk, p.OnDisk) {
			onDisk = append(onDisk, p.OnDisk)
		}
	}
	disks, err := chooseDisks(facts.Disks, r.onlyUse, r.ignored, r.clearDrives, onDisk)
	if err != nil {
		return nil, err
	}
	may.Ours = slices.DeleteFunc(slices.Clone(may.Ours), func(id string) bool { return ambiguous(id, facts.Disks) })
	if r.keep != "" {
		may.Wipe = false
	}
	layout, err := planStorage(r.storage, disks, facts.Memory, firmware{facts.UEFI, r.boot.Drive}, newGUID)
	if err != nil {
		return nil, err
	}
	grub, err := planGRUB(r.boot, facts.UEFI, layout)
	if err != nil {
		return nil, err
	}
	devices, err := netconf.Resolve(r.networks, facts.NICs, facts.BootNIC)
	if err != nil {
		return nil, err
	}

	var steps []Step
	if layout.added != "" {
		steps = append(steps, tellStep{layout.added})
	}
	steps = append(steps, layout.steps(may, r.keep)...)
	for _, s := range r.PreInstall {
		steps = append(steps, scriptStep{Script: s})
	}
	steps = append(steps, r.image, bindStep{})
	steps = append(steps, systemFiles(r, devices, layout.contents, facts)...)
	steps = append(steps, r.softwareSteps(devices)...)
	steps = append(steps, layout.needs()...) // %packages may bring them
	steps = append(steps, r.config...)
	steps = append(steps, labelStep{})
	for _, s := range r.Post {
		steps = append(steps, scriptStep{Script: s})
	}
	steps = append(steps, layout.found()...)
	// Only now: the image is verified and every %post has run. A box that loses its
	// power before this has a disk that looks blank, boots nothing, and may be
	// installed again; one that loses it after this comes back with leave for it.
	for _, t := range layout.tables {
		steps = append(steps, tableStep{Disk: t.disk, Table: t.table})
	}
	steps = append(steps, grub...)
	steps = append(steps, unmountStep{})
	if len(layout.arrays)+len(layout.groups) > 0 {
		steps = append(steps, stopStep{})
	}
	steps = append(steps, flushStep{})
	for _, t := range layout.tables {
		steps = append(steps, finishStep{Disk: t.disk, Table: t.table})
	}
	return steps, nil
}

// systemFiles are the files that follow from the whole of the Kickstart.
func systemFiles(r *Recipe, devices []netconf.Device, parts []content, facts Facts) []Step {
	host := r.host()
	out := []Step{
		fileStep{Path: "/etc/fstab", Mode: 0o644, Text: fstabFile(parts)},
		fileStep{Path: "/etc/hosts", Mode: 0o644, Text: netconf.Hosts(host, devices)},
	}
	if host != "" {
		out = append(out, fileStep{Path: "/etc/hostname", Mode: 0o644, Text: host + "\n"})
	}
	if s := netconf.ResolvConf(devices, facts.DNS); s != "" {
		out = append(out, resolvStep{s})
	}
	return out
}

// softwareSteps install packages, and then write for the tools that the system has
// after that.
func (r *Recipe) softwareSteps(devices []netconf.Device) []Step {
	var out []Step
	if len(r.packages.Install) > 0 || slices.ContainsFunc(r.repos, func(p repo) bool { return p.Keep }) {
		out = append(out, packageStep{r.packages, r.repos, r.skip})
	}
	if len(devices) > 0 {
		out = append(out, networkStep{devices})
	}
	if r.time.Disable || len(r.time.Sources) > 0 {
		out = append(out, r.time)
	}
	return out
}
