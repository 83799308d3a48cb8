package installer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/templates/kickstart"
)

// A Recipe is what a Kickstart says, read by the image engine's table: all that
// can be told without the machine.
type Recipe struct {
	Pre, PreInstall, Post, OnError []kickstart.Script
	Secrets                        []string // passwords and their hashes: never to be shown

	storage
	onlyUse     []string
	ignored     []string
	clearDrives []string
	networks    []netconf.Line
	repos       []repo
	packages    kickstart.Packages
	time        timeStep
	logHost     string
	logPort     string
	boot        bootConfig
	image       imageStep
	config      []Step // what configures the unpacked system, in the file's order
	end         string

	skip   bool            // what the system turns out to lack is passed over too, where that isn't dangerous
	passed []string        // what is passed over, and where; without secrets
	file   *kickstart.File // with %include lines whose files %pre writes; nil when there are none
	keep   string          // why no disk that carries data may be wiped, whoever allows it; "" for nothing
}

type bootConfig struct {
	Append string
	Drive  string
	// Timeout is GRUB's, in seconds.
	Timeout int
}

// Read checks a Kickstart for the image engine, whole, and reads it. The error,
// with every problem on a line of its own, is a Failure of kind FailKickstart.
func Read(f *kickstart.File) (*Recipe, error) {
	return ReadAs(f, Way{})
}

// ReadAs is Read in another way.
func ReadAs(f *kickstart.File, way Way) (*Recipe, error) {
	reading := kickstart.ReadForImage(f, way.Unsupported)
	if bad := kickstart.Errors(reading.Problems); len(bad) > 0 {
		var lines []string
		for _, p := range bad {
			lines = append(lines, p.Error())
		}
		return nil, &Failure{FailKickstart, fmt.Errorf("%s", strings.Join(lines, "\n"))}
	}
	whole := f
	f = reading.File
	r := &Recipe{
		end: "reboot", boot: bootConfig{Timeout: 1},
		skip: way.Unsupported == kickstart.Skip, keep: reading.Keep,
	}
	if r.skip {
		for _, p := range reading.Problems {
			r.passed = append(r.passed, fmt.Sprintf("line %d: %s", p.Pos.Line, p.Message))
		}
		r.image = way.Image
	}
	if len(reading.Includes) > 0 {
		r.file = whole
	}
	for _, c := range f.Commands {
		rule, args, _ := kickstart.ImageCommand(f, c)
		if err := r.command(c, rule.Verb, args); err != nil {
			return nil, &Failure{FailKickstart, fmt.Errorf("%s:%s: %s: %w", f.Name, c.Pos, c.Name, err)}
		}
	}
	for _, s := range f.Sections {
		if s.Name == "%packages" {
			r.packages, _ = kickstart.ImagePackages(f, s)
		}
		script, _ := kickstart.ImageSection(f, s)
		if script == nil || strings.TrimSpace(s.Body) == "" {
			continue
		}
		switch s.Name {
		case "%pre":
			r.Pre = append(r.Pre, *script)
		case "%pre-install":
			r.PreInstall = append(r.PreInstall, *script)
		case "%post":
			r.Post = append(r.Post, *script)
		case "%onerror":
			r.OnError = append(r.OnError, *script)
		}
	}
	if r.image.URL == "" || r.image.SHA256 == "" {
		return nil, &Failure{FailKickstart, fmt.Errorf("%s: the Kickstart has no liveimg, and the kernel's command line no rackhand.image= and rackhand.sha256=: the boot script comes from another version of rackhand", f.Name)}
	}
	return r, nil
}

// diskWords are the disks that the Kickstart names.
func (r *Recipe) diskWords() []string {
	out := slices.Concat(r.onlyUse, r.clearDrives)
	for _, p := range r.parts {
		if p.OnDisk != "" && !slices.Contains(out, p.OnDisk) {
			out = append(out, p.OnDisk)
		}
	}
	return out
}

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

// host is the host name that the Kickstart gives; the last one counts.
func (r *Recipe) host() string {
	host := ""
	for _, n := range r.networks {
		if n.Host != "" {
			host = n.Host
		}
	}
	return host
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
