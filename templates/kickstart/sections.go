package kickstart

import (
	"slices"
	"strings"
)

// section checks a section's header and, where the language has rules for it, its
// body.
func (c *checker) section(s *Section) {
	args := bindSection(c.ps, c.syntax, s)
	switch s.Name {
	case "%traceback":
		if !slices.Contains([]Release{RHEL7, RHEL8}, c.release) {
			c.ps.warnf(s.Pos, "write %onerror", "%%traceback is deprecated in %s", c.release)
		}
	case "%certificate":
		if !args.Has("--filename") {
			c.ps.errorf(s.Pos, "name the file to write", "%%certificate needs --filename")
		}
		if args.Value("--dir") == "" && args.Value("--type") == "" {
			c.ps.errorf(s.Pos, "", "%%certificate needs --dir or --type")
		}
		if strings.TrimSpace(s.Body) == "" {
			c.ps.errorf(s.Pos, "", "%%certificate is empty")
		}
	case "%packages":
		c.packages(s, args)
	}
}

// bindSection tells a header's options apart and reports what is wrong with them.
func bindSection(ps *problems, syntax *Syntax, s *Section) Args {
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
	args := bind(ps, s.Name, spec, s.Words, false)
	for _, w := range args.Extra {
		ps.errorf(w.Pos, "", "%s: %q is no option", s.Name, clip(w.Text))
	}
	return args
}
