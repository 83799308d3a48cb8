package installer

import (
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

// sealsDisks reports whether disks are read-only while the %pre scripts of a brought
// Kickstart run: scripts that were written for Anaconda clear disks (wipefs, dd,
// sgdisk --zap-all) before the guard has looked at them. With leave to wipe, and a
// Kickstart that clears whole disks, they may.
func (r *Recipe) sealsDisks(may Leave) bool {
	return r.skip && len(r.Pre) > 0 && (!may.Wipe || r.keep != "")
}

// namesDisks reports whether a Kickstart says by itself which disks are meant, whatever
// else there is.
func (r *Recipe) namesDisks() bool {
	words := r.onlyUse
	if len(words) == 0 {
		words = r.clearDrives
	}
	for _, p := range r.parts {
		if len(words) == 0 && p.OnDisk == "" {
			return false
		}
	}
	words = append(slices.Clone(words), r.diskWords()...)
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return strings.ContainsAny(w, "*?[|") })
}
