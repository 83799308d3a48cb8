package kickstart

import (
	"slices"
	"strings"
)

// packages checks a %packages section beyond its header's grammar.
func (c *checker) packages(s *Section, args Args) {
	if args.Has("--default") {
		for _, f := range []string{"--nocore", "--nobase"} {
			if o, ok := args.Option(f); ok {
				c.ps.errorf(o.Pos, "leave one of them out", "%%packages: --default and %s exclude each other", f)
			}
		}
	}
	old := map[string][]Release{
		"--instLangs":       {RHEL9, F42, F43, F44},
		"--excludeWeakdeps": {RHEL9, F42, F43, F44},
		"--nobase":          {RHEL7},
	}
	for _, o := range args.Options {
		if slices.Contains(old[o.Name()], c.release) {
			c.ps.warnf(o.Pos, "", "%%packages %s is deprecated in %s", o.Name(), c.release)
		}
	}
	for i, line := range strings.Split(s.Body, "\n") {
		line, _, _ = strings.Cut(line, "#")
		at := Pos{s.BodyLine + i, 1}
		switch line = strings.TrimSpace(line); {
		case line == "-":
			c.ps.errorf(at, "", "%%packages: a dash without a package")
		case strings.HasPrefix(line, "@") && !strings.HasPrefix(line, "@^"):
			c.group(at, strings.Fields(line))
		}
	}
}

// group checks the options of a line @GROUP.
func (c *checker) group(at Pos, words []string) {
	var nodefaults, optional bool
	for _, w := range words[1:] {
		if len(w) < 3 {
			continue
		}
		nodefaults = nodefaults || strings.HasPrefix("--nodefaults", w)
		optional = optional || strings.HasPrefix("--optional", w)
	}
	if nodefaults && optional {
		c.ps.errorf(at, "leave one of them out", "%%packages: --nodefaults and --optional exclude each other")
	}
}
