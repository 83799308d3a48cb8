package engine

import "rackhand/templates/kickstart"

import "strings"

// A Script is a script section with the options of its header.
type Script struct {
	Section     *kickstart.Section
	Interpreter string // /bin/sh unless given
	Log         string // "": none. A file of the installer, or for %post in the target a file of the target.
	ErrorOnFail bool
	NoChroot    bool // it runs in the installer, not in the installed system
}

// ReadSection reads the header of a section for the image engine. The script is nil for a
// section that isn't a script and that the engine may skip.
func ReadSection(f *kickstart.File, s *kickstart.Section) (*Script, []*kickstart.Problem) {
	ps := &kickstart.Problems{File: f.Name}
	syntax, err := kickstart.LookupSyntax(imageRelease)
	if err != nil {
		ps.Errorf(s.Pos, "", "%v", err)
		return nil, ps.List
	}
	switch s.Name {
	case "%anaconda": // pwpolicy is about passwords typed into Anaconda
		return nil, nil
	case "%packages":
		_, more := ReadPackages(f, s)
		ps.Join(more...)
		return nil, ps.List
	case "%pre", "%pre-install", "%post", "%onerror":
	default:
		ps.Errorf(s.Pos, "leave it out for systems that are images", "rackhand-installer can't carry out %s", s.Name)
		return nil, ps.List
	}
	args := kickstart.BindSection(ps, imageRelease, syntax, s)
	out := &Script{
		Section: s, Interpreter: "/bin/sh", ErrorOnFail: args.Has("--erroronfail"),
		NoChroot: s.Name != "%post" || args.Has("--nochroot"),
	}
	for _, o := range args.Options {
		switch o.Name() {
		case "--interpreter":
			out.Interpreter = o.Value
			if want := kickstart.KindPath.Check(o.Value); want != "" {
				ps.Errorf(o.ValuePos, "it must be "+want, "%s: --interpreter can't be used", s.Name)
			} else if out.NoChroot && o.Value != "/bin/sh" {
				ps.Errorf(o.ValuePos, "the installer has /bin/sh only (busybox)",
					"rackhand-installer can't run %s with %s", s.Name, kickstart.Clip(o.Value))
			}
		case "--log", "--logfile":
			out.Log = o.Value
			if want := kickstart.KindPath.Check(o.Value); want != "" {
				ps.Errorf(o.ValuePos, "it must be "+want, "%s: %s can't be used", s.Name, o.Name())
			}
		}
	}
	for i, line := range strings.Split(s.Body, "\n") {
		if word, at := kickstart.FirstField(line, s.BodyLine+i); word == "%include" || word == "%ksappend" {
			ps.Errorf(at, "put the lines themselves here", "rackhand-installer can't carry out %s", word)
		}
	}
	return out, ps.List
}
