package kickstart

import (
	"maps"
	"slices"
	"strings"
)

// Check reports what is wrong with a file for a release: unknown and removed
// commands and options, missing values, values that are no choice or number,
// options that exclude each other, missing or surplus positionals, and options of
// section headers. What a table can't hold (conflicts between commands, value
// ranges) it doesn't look at. Problems come in the file's order. The error is not
// nil when the release is unknown. Of very many problems the first few hundred are
// reported.
func Check(f *File, r Release) ([]*Problem, error) {
	syntax, err := LookupSyntax(r)
	if err != nil {
		return nil, err
	}
	ps := &problems{file: f.Name}
	for _, c := range f.Commands {
		if ps.full() {
			break
		}
		checkCommand(ps, syntax, r, c)
	}
	for _, s := range f.Sections {
		bindSection(ps, syntax, s)
	}
	slices.SortStableFunc(ps.list, byPlace)
	return ps.list, nil
}

func byPlace(a, b *Problem) int {
	if a.Pos.Line != b.Pos.Line {
		return a.Pos.Line - b.Pos.Line
	}
	return a.Pos.Col - b.Pos.Col
}

func checkCommand(ps *problems, syntax *Syntax, r Release, c *Command) {
	if strings.HasPrefix(c.Name, "%") { // %include, %ksappend: what they name is not read
		return
	}
	spec := syntax.Commands[c.Name]
	switch {
	case spec == nil:
		ps.errorf(c.Pos, didYouMean(c.Name, slices.Sorted(maps.Keys(syntax.Commands))),
			"%s has no command %s", r, clip(c.Name))
		return
	case spec.Status == "removed":
		ps.errorf(c.Pos, "leave it out", "%s has been removed from %s", c.Name, r)
		return
	case spec.Status == "deprecated":
		ps.warnf(c.Pos, "leave it out", "%s is deprecated in %s and has no effect", c.Name, r)
		return
	}
	if freeText(c.Name) {
		return
	}
	before := len(ps.list)
	args := bind(ps, c.Name, spec, c.Words)
	if len(Errors(ps.list[before:])) > 0 {
		return // what is missing can't be told while something wasn't understood
	}
	checkRequired(ps, c, spec, args)
	checkPositionals(ps, c, spec, args)
	checkGroups(ps, c, spec, args)
}

// freeText: commands whose arguments the installer doesn't look at, or that
// have sub-commands.
func freeText(name string) bool {
	switch name {
	case "auth", "authconfig", "authselect", "realm", "method":
		return true
	}
	return false
}

func checkRequired(ps *problems, c *Command, spec *CommandSpec, args Args) {
	for _, o := range spec.Options {
		if o.Required && !o.Removed && !args.Has(o.Flags[0]) {
			ps.errorf(c.Pos, "", "%s needs %s", c.Name, strings.Join(o.Flags, " or "))
		}
	}
}

func checkPositionals(ps *problems, c *Command, spec *CommandSpec, args Args) {
	least, most := 0, 0
	var names []string
	for _, p := range spec.Positionals {
		names = append(names, p.Name)
		switch p.Nargs {
		case "*":
			most = 1 << 30 // how many is for rules that no table holds
		case "?":
			most++
		default:
			least, most = least+1, most+1
		}
	}
	if c.Name == "keyboard" || c.Name == "timezone" {
		most = 1
	}
	switch n := len(args.Positionals); {
	case n < least:
		ps.errorf(c.Pos, "", "%s needs %s", c.Name, strings.Join(names, ", "))
	case n > most:
		ps.errorf(args.Positionals[most].Pos, "quote a value that has blanks in it",
			"%s: one word too many", c.Name)
	}
	for i, p := range spec.Positionals {
		if len(p.Choices) > 0 && i < len(args.Positionals) && !slices.Contains(p.Choices, args.Positionals[i].Text) {
			ps.errorf(args.Positionals[i].Pos, "choose one of "+strings.Join(p.Choices, ", "),
				"%s: %s can't be %q", c.Name, p.Name, clip(args.Positionals[i].Text))
		}
	}
}

// A group is a set of options of one command of which at most one may be given,
// and of which one must be when need is set. An empty value counts as not given.
type group struct {
	command string
	flags   []string
	need    bool
}

func groups() []group {
	return []group{
		{"url", []string{"--url", "--mirrorlist", "--metalink"}, true},
		{"repo", []string{"--baseurl", "--mirrorlist", "--metalink"}, false},
		{"ignoredisk", []string{"--drives", "--only-use"}, true},
		{"timesource", []string{"--ntp-server", "--ntp-pool", "--ntp-disable"}, true},
		{"bootloader", []string{"--sdboot", "--extlinux"}, false},
		{"rescue", []string{"--nomount", "--romount"}, false},
		{"autopart", []string{"--noswap", "--hibernation"}, false},
		{"timezone", []string{"--nontp", "--ntpservers"}, false},
		{"part", []string{"--fsprofile", "--mkfsoptions"}, false},
		{"part", []string{"--noformat", "--mkfsoptions"}, false},
		{"raid", []string{"--fsprofile", "--mkfsoptions"}, false},
		{"logvol", []string{"--fsprofile", "--mkfsoptions"}, false},
	}
}

func checkGroups(ps *problems, c *Command, spec *CommandSpec, args Args) {
	for _, g := range groups() {
		if g.command != c.Name && (g.command != "part" || c.Name != "partition") {
			continue
		}
		var given []Option
		for _, flag := range g.flags {
			if o, ok := args.Option(flag); ok && (o.Value != "" || !o.Spec.TakesValue) {
				given = append(given, o)
			}
		}
		switch {
		case len(given) > 1:
			ps.errorf(given[1].Pos, "leave one of them out",
				"%s: %s and %s exclude each other", c.Name, given[0].Name(), given[1].Name())
		case len(given) == 0 && g.need:
			var known []string
			for _, f := range g.flags {
				if slices.Contains(spec.flags(), f) {
					known = append(known, f)
				}
			}
			ps.errorf(c.Pos, "", "%s needs one of %s", c.Name, strings.Join(known, ", "))
		}
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
	args := bind(ps, s.Name, spec, s.Words)
	for _, w := range args.Positionals {
		ps.errorf(w.Pos, "", "%s: %q is no option", s.Name, clip(w.Text))
	}
	return args
}
