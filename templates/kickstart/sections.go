package kickstart

import (
	"slices"
	"strings"
)

// section checks a section's header and, where the language has rules for it, its
// body.
func (c *checker) section(s *Section) {
	if _, known := c.syntax.Sections[s.Name]; !known {
		c.ps.Errorf(s.Pos, sectionElsewhere(s.Name), "%s has no section %s", c.release, s.Name)
		return
	}
	args := BindSection(c.ps, c.release, c.syntax, s)
	switch s.Name {
	case "%traceback":
		if !slices.Contains([]Release{RHEL7, RHEL8}, c.release) {
			c.ps.Warnf(s.Pos, "write %onerror", "%%traceback is deprecated in %s", c.release)
		}
	case "%certificate":
		c.certificate(s, args)
	case "%packages":
		c.packages(s, args)
	}
}

func (c *checker) certificate(s *Section, args Args) {
	if !args.Has("--filename") {
		c.ps.Errorf(s.Pos, "name the file to write", "%%certificate needs --filename")
	}
	switch {
	case c.release == RHEL9 && !args.Has("--dir"):
		c.ps.Errorf(s.Pos, "", "%%certificate needs --dir")
	case c.release != RHEL9 && args.Value("--dir") == "" && args.Value("--type") == "":
		c.ps.Errorf(s.Pos, "", "%%certificate needs --dir or --type")
	}
	if strings.TrimSpace(s.Body) == "" {
		c.ps.Errorf(s.Pos, "", "%%certificate is empty")
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

// BindSection splits a section header's words into options, and reports what is wrong
// with them.
func BindSection(ps *Problems, r Release, syntax *Syntax, s *Section) Args {
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
	args := Bind(ps, r, s.Name, spec, s.Words, false)
	for _, w := range args.Extra {
		if syntax.Sections[s.Name].ExtraWords != "" {
			ps.Warnf(w.Pos, "leave it out", "%s: %q is not an option, and this release drops it", s.Name, Clip(w.Text))
			continue
		}
		ps.Errorf(w.Pos, "", "%s: %q is not an option", s.Name, Clip(w.Text))
	}
	return args
}
