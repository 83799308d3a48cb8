// Package plan turns a Kickstart and a machine's facts into the steps of an install,
// as data: storage, layout, boot loader, and the system's configuration. It is pure:
// it touches no disk, no network and no clock. Package installer carries the steps
// out.
package plan

import (
	"errors"
	"slices"

	"rackhand/provision/installer/netconf"
)

// Plan turns a recipe and the machine's facts into the steps to carry out, from the disk
// guard to the unmounting. newGUID returns a new GUID at each call.
func Plan(r *Recipe, facts Facts, may Overwrite, newGUID func() string) ([]Step, error) {
	if r.WithIncludes != nil {
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
	may.Overwritable = slices.DeleteFunc(slices.Clone(may.Overwritable), func(id string) bool { return ambiguous(id, facts.Disks) })
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
	devices, err := netconf.Resolve(r.Networks, facts.NICs, facts.BootNIC)
	if err != nil {
		return nil, err
	}

	var steps []Step
	if layout.added != "" {
		steps = append(steps, ReportStep{layout.added})
	}
	steps = append(steps, layout.steps(may, r.keep)...)
	for _, s := range r.PreInstall {
		steps = append(steps, ScriptStep{Script: s})
	}
	steps = append(steps, r.image, BindStep{})
	steps = append(steps, SystemFiles(r, devices, layout.contents, facts)...)
	steps = append(steps, r.SoftwareSteps(devices)...)
	steps = append(steps, layout.needs()...) // %packages may bring them
	steps = append(steps, r.Config...)
	steps = append(steps, LabelStep{})
	for _, s := range r.Post {
		steps = append(steps, ScriptStep{Script: s})
	}
	steps = append(steps, layout.found()...)
	// The tables come this late because the image is verified and every %post has run by
	// now. If the power fails earlier, the disk looks blank, boots nothing and may be
	// installed to again. If it fails later, the next attempt may overwrite the disk.
	for _, t := range layout.tables {
		steps = append(steps, TableStep{Disk: t.disk, Table: t.table})
	}
	steps = append(steps, grub...)
	steps = append(steps, UnmountStep{})
	if len(layout.arrays)+len(layout.groups) > 0 {
		steps = append(steps, StopStep{})
	}
	steps = append(steps, FlushStep{})
	for _, t := range layout.tables {
		steps = append(steps, FinishStep{Disk: t.disk, Table: t.table})
	}
	return steps, nil
}

// SystemFiles write the files that depend on the whole Kickstart: fstab, hosts, hostname,
// resolv.conf. parts are the file systems for fstab.
func SystemFiles(r *Recipe, devices []netconf.Device, parts []Content, facts Facts) []Step {
	host := r.Host()
	out := []Step{
		FileStep{Path: "/etc/fstab", Mode: 0o644, Text: fstabFile(parts)},
		FileStep{Path: "/etc/hosts", Mode: 0o644, Text: netconf.Hosts(host, devices)},
	}
	if host != "" {
		out = append(out, FileStep{Path: "/etc/hostname", Mode: 0o644, Text: host + "\n"})
	}
	if s := netconf.ResolvConf(devices, facts.DNS); s != "" {
		out = append(out, ResolvConfStep{s})
	}
	return out
}

// SoftwareSteps install packages, and then configure the network and the time with the tools
// that the system has by then.
func (r *Recipe) SoftwareSteps(devices []netconf.Device) []Step {
	var out []Step
	if len(r.Packages.Install) > 0 || slices.ContainsFunc(r.Repos, func(p Repo) bool { return p.Keep }) {
		out = append(out, PackageStep{r.Packages, r.Repos, r.skip})
	}
	if len(devices) > 0 {
		out = append(out, NetworkStep{devices})
	}
	if r.Time.Disable || len(r.Time.Sources) > 0 {
		out = append(out, r.Time)
	}
	return out
}
