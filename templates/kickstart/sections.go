package kickstart

import (
	"slices"
	"strings"
)

// section checks a section's header and, where the language has rules for it, its
// body.
func (c *checker) section(s *Section) {
	if _, known := c.syntax.Sections[s.Name]; !known {
		c.ps.errorf(s.Pos, sectionElsewhere(s.Name), "%s has no section %s", c.release, s.Name)
		return
	}
	args := bindSection(c.ps, c.release, c.syntax, s)
	switch s.Name {
	case "%traceback":
		if !slices.Contains([]Release{RHEL7, RHEL8}, c.release) {
			c.ps.warnf(s.Pos, "write %onerror", "%%traceback is deprecated in %s", c.release)
		}
	case "%certificate":
		c.certificate(s, args)
	case "%packages":
		c.packages(s, args)
	}
}

func (c *checker) certificate(s *Section, args Args) {
	if !args.Has("--filename") {
		c.ps.errorf(s.Pos, "name the file to write", "%%certificate needs --filename")
	}
	switch {
	case c.release == RHEL9 && !args.Has("--dir"):
		c.ps.errorf(s.Pos, "", "%%certificate needs --dir")
	case c.release != RHEL9 && args.Value("--dir") == "" && args.Value("--type") == "":
		c.ps.errorf(s.Pos, "", "%%certificate needs --dir or --type")
	}
	if strings.TrimSpace(s.Body) == "" {
		c.ps.errorf(s.Pos, "", "%%certificate is empty")
	}
}

// sectionElsewhere is a hint that names the releases that have a section; "" when
// none has.
func sectionElsewhere(name string) string {
	var in []string
	for _, r := range Releases() {
		if s, err := LookupSyntax(r); err == nil {
			if _, ok := s.Sections[name]; ok {
				in = append(in, string(r))
			}
		}
	}
	if len(in) == 0 {
		return ""
	}
	return "it is known in " + strings.Join(in, ", ")
}

// bindSection tells a header's options apart and reports what is wrong with them.
func bindSection(ps *problems, r Release, syntax *Syntax, s *Section) Args {
	if s.Name == "%addon" || s.Name == "%anaconda" {
		return Args{} // never examined, as the installer doesn't
	}
	spec := &CommandSpec{}
	for _, flag := range syntax.Sections[s.Name].Options {
		o := OptionSpec{Flags: []string{flag}}
		switch flag {
		case "--interpreter", "--log", "--logfile", "--filename", "--dir", "--type",
			"--instLangs", "--inst-langs":
			o.TakesValue = true
		case "--timeout", "--retries":
			o.TakesValue, o.Type = true, "int"
		}
		spec.Options = append(spec.Options, o)
	}
	args := bind(ps, r, s.Name, spec, s.Words, false)
	for _, w := range args.Extra {
		if syntax.Sections[s.Name].ExtraWords != "" {
			ps.warnf(w.Pos, "leave it out", "%s: %q is no option, and this release drops it", s.Name, clip(w.Text))
			continue
		}
		ps.errorf(w.Pos, "", "%s: %q is no option", s.Name, clip(w.Text))
	}
	return args
}
