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
				c.ps.Errorf(o.Pos, "leave one of them out", "%%packages: --default and %s exclude each other", f)
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
			c.ps.Warnf(o.Pos, insteadOf("%packages", o.Name()), "%%packages %s is deprecated in this release", o.Name())
		}
	}
	for i, line := range c.dialect.splitLines(s.Body) {
		line, _, _ = strings.Cut(line, "#")
		_, at := c.dialect.firstField(line, s.BodyLine+i)
		switch line = strings.TrimFunc(line, c.dialect.isSpace); {
		case line == "-":
			c.ps.Errorf(at, "write -PACKAGE", "%%packages: a dash without a package")
		case strings.HasPrefix(line, "@") && !strings.HasPrefix(line, "@^"):
			c.group(at, strings.FieldsFunc(line[1:], c.dialect.isSpace))
		}
	}
}

// group checks the options of a line @GROUP, given without its @. Other words that
// look like options are part of the name; RHEL 7 refuses them.
func (c *checker) group(at Pos, words []string) {
	spec := &CommandSpec{Options: []OptionSpec{{Flags: []string{"--nodefaults"}}, {Flags: []string{"--optional"}}}}
	var given []Word
	for _, w := range words {
		given = append(given, Word{w, at})
	}
	args := Bind(c.ps, c.release, "%packages", spec, given, true)
	if args.Has("--nodefaults") && args.Has("--optional") {
		c.ps.Errorf(at, "leave one of them out", "%%packages: --nodefaults and --optional exclude each other")
	}
}
