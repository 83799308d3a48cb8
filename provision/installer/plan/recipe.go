package plan

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// A Recipe is the content of a Kickstart, read by the image engine's table: everything that
// does not depend on the machine.
type Recipe struct {
	Pre, PreInstall, Post, OnError []engine.Script
	Secrets                        []string // passwords and their hashes: never to be shown

	storage
	onlyUse     []string
	ignored     []string
	clearDrives []string
	Networks    []netconf.Line
	Repos       []Repo
	Packages    engine.Packages
	Time        TimeStep
	LogHost     string
	LogPort     string
	boot        BootLoader
	image       ImageStep
	Config      []Step // these configure the unpacked system, in the file's order
	End         string

	skip         bool            // also skip parts that the system lacks, unless that is dangerous
	Skipped      []string        // the skipped parts and their places; without secrets
	WithIncludes *kickstart.File // the Kickstart, when %pre has yet to write files that it includes; else nil
	keep         string          // why no disk with data may be wiped, even with --wipe; "" when it may
}

// A BootLoader is the `bootloader` line.
type BootLoader struct {
	Append  string // arguments of the kernel
	Drive   string // the disk that the box boots from; "" leaves it to the layout
	Timeout int    // GRUB's, in seconds
}

// Read checks a Kickstart for the image engine, whole, and reads it. The error,
// with every problem on a line of its own, is a Failure of kind FailKickstart.
func Read(f *kickstart.File) (*Recipe, error) {
	return ReadAs(f, ReadOptions{})
}

// ReadAs is Read with options.
func ReadAs(f *kickstart.File, way ReadOptions) (*Recipe, error) {
	reading := engine.Read(f, way.Unsupported)
	if bad := kickstart.Errors(reading.Problems); len(bad) > 0 {
		var lines []string
		for _, p := range bad {
			lines = append(lines, p.Error())
		}
		return nil, &Failure{Kind: FailKickstart, Err: fmt.Errorf("%s", strings.Join(lines, "\n"))}
	}
	whole := f
	f = reading.File
	r := &Recipe{
		End: "reboot", boot: BootLoader{Timeout: 1},
		skip: way.Unsupported == engine.Skip, keep: reading.Keep,
	}
	if r.skip {
		for _, p := range reading.Problems {
			r.Skipped = append(r.Skipped, fmt.Sprintf("line %d: %s", p.Pos.Line, p.Message))
		}
		r.image = way.Image
	}
	if len(reading.Includes) > 0 {
		r.WithIncludes = whole
	}
	for _, c := range f.Commands {
		rule, args, _ := engine.ReadCommand(f, c)
		if err := r.command(c, rule.Verb, args); err != nil {
			return nil, &Failure{Kind: FailKickstart, Err: fmt.Errorf("%s:%s: %s: %w", f.Name, c.Pos, c.Name, err)}
		}
	}
	for _, s := range f.Sections {
		if s.Name == "%packages" {
			r.Packages, _ = engine.ReadPackages(f, s)
		}
		script, _ := engine.ReadSection(f, s)
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
		return nil, &Failure{Kind: FailKickstart, Err: fmt.Errorf("%s: the Kickstart has no liveimg, and the kernel's command line no rackhand.image= and rackhand.sha256=: the boot script comes from another version of rackhand", f.Name)}
	}
	return r, nil
}

// DiskWords are the words by which the Kickstart names disks.
func (r *Recipe) DiskWords() []string {
	out := slices.Concat(r.onlyUse, r.clearDrives)
	for _, p := range r.parts {
		if p.OnDisk != "" && !slices.Contains(out, p.OnDisk) {
			out = append(out, p.OnDisk)
		}
	}
	return out
}

// Host is the host name that the Kickstart gives; the last one counts.
func (r *Recipe) Host() string {
	host := ""
	for _, n := range r.Networks {
		if n.Host != "" {
			host = n.Host
		}
	}
	return host
}

// WriteProtectsDisks reports whether disks must be read-only while %pre runs. Scripts that were
// written for Anaconda clear disks (wipefs, dd, sgdisk --zap-all) before the guard has
// looked at them. They may do so when disks may be wiped and the Kickstart clears whole
// disks.
func (r *Recipe) WriteProtectsDisks(may Overwrite) bool {
	return r.skip && len(r.Pre) > 0 && (!may.Wipe || r.keep != "")
}

// NamesDisks reports whether the Kickstart alone determines the disks, whatever other disks
// the machine has.
func (r *Recipe) NamesDisks() bool {
	words := r.onlyUse
	if len(words) == 0 {
		words = r.clearDrives
	}
	for _, p := range r.parts {
		if len(words) == 0 && p.OnDisk == "" {
			return false
		}
	}
	words = append(slices.Clone(words), r.DiskWords()...)
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return strings.ContainsAny(w, "*?[|") })
}
