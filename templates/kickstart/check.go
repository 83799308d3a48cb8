package kickstart

import (
	"errors"
	"slices"
	"strings"
)

// Check reports what is wrong with a file for a release, as Red Hat's own parser
// sees it: an Error where that rejects the file, a Warning where it goes on, or
// where it sees nothing wrong and an installer will. Problems come in the file's
// order. The error is not nil when the release is unknown. Of very many problems
// the first few hundred are reported.
func Check(f *File, r Release) ([]*Problem, error) {
	syntax, err := LookupSyntax(r)
	if err != nil {
		return nil, err
	}
	c := newChecker(f.Name, r, syntax)
	for _, cmd := range f.Commands {
		if c.ps.Full() {
			break
		}
		c.command(cmd)
	}
	for _, s := range f.Sections {
		if c.ps.Full() {
			break
		}
		c.section(s)
	}
	c.lint(f)
	c.ps.Sort()
	return c.ps.List, nil
}

// CheckText is a check of a file as it is: it appends what %ksappend names (read
// returns the text under a path or URL), parses, and checks for a release. When the
// file's structure is broken, that is the last of its problems. The error is not nil
// when the release is unknown.
func CheckText(name string, text []byte, r Release, read func(path string) ([]byte, error)) ([]*Problem, error) {
	text, err := dialectOf(r).append(name, text, read)
	f := &File{Name: name}
	if err == nil {
		f, err = ParseFor(name, text, r)
	}
	problems, unknown := Check(f, r)
	if unknown != nil {
		return nil, unknown
	}
	var broken *Problem
	if errors.As(err, &broken) {
		problems = append(Errors(problems), broken) // warnings can wait: they may go with it
	}
	return problems, nil
}

func checkRequired(ps *Problems, c *Command, spec *CommandSpec, args Args) {
	for _, o := range spec.Options {
		if o.Required && !o.Removed && !args.Has(o.Flags[0]) {
			ps.Errorf(c.Pos, "", "%s needs %s", c.Name, strings.Join(o.Flags, " or "))
		}
	}
}

// checkPositionals reports positionals that are missing or too many. How many words
// one takes that may take any number is for rules that no table holds.
func checkPositionals(ps *Problems, r Release, c *Command, spec *CommandSpec, args Args) {
	var names []string
	for _, p := range spec.Positionals {
		names = append(names, describe(p.Name))
	}
	if missing := len(spec.Positionals) - len(args.Taken); missing > 0 {
		ps.Errorf(c.Pos, "", "%s needs %s", c.Name, strings.Join(names[len(args.Taken):], " and "))
		return
	}
	if len(args.Extra) > 0 {
		extra := spec.ExtraWords
		if r == RHEL7 && c.Name == "rootpw" && args.Has("--lock") {
			extra = ignored
		}
		surplus(ps, c.Name, extra, args.Extra[0])
	}
	for i, p := range spec.Positionals {
		for _, w := range args.Taken[i] {
			if len(p.Choices) > 0 && !slices.Contains(p.Choices, w.Text) {
				ps.Errorf(w.Pos, "choose one of "+strings.Join(p.Choices, ", "), "%s: %s can't be %q", c.Name, p.Name, Clip(w.Text))
			}
		}
	}
}

// surplus reports a word that no grammar rule takes. It is a mistake even if the installer
// drops it silently.
func surplus(ps *Problems, name string, extra extraWords, w Word) {
	if extra == "" {
		ps.Errorf(w.Pos, "quote a value that has blanks in it", "%s: one word too many", name)
		return
	}
	ps.Warnf(w.Pos, "quote a value that has blanks in it", "%s: one word too many, which this release drops", name)
}
