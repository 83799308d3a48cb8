package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"rackhand/templates/kickstart"
)

// Check reports as Errors the commands, options, values and sections that an engine can't
// carry out, and those that it needs and doesn't find; as Warnings those that it adds.
// Problems come in the file's order. The error is not nil when the engine is unknown.
// Read does the same, and can also skip what the engine can't carry out.
func Check(f *kickstart.File, e Name) ([]*kickstart.Problem, error) {
	if e != Image {
		return nil, fmt.Errorf("no table for the Kickstart engine %q; known is %q", e, Image)
	}
	return Read(f, Refuse).Problems, nil
}

// imageProblems reports the parts of a file that the image engine can't carry out, and the
// parts that it needs and doesn't find. part says that more lines will come from included
// files.
func imageProblems(ps *kickstart.Problems, f *kickstart.File, skip, part bool) {
	for _, c := range f.Commands {
		if ps.Full() {
			break
		}
		_, _, more := ReadCommand(f, c)
		ps.Join(more...)
	}
	for _, s := range f.Sections {
		script, more := ReadSection(f, s)
		ps.Join(more...)
		if script != nil {
			kickstart.LineEnds(ps, "", s, script.Interpreter)
		}
	}
	imageWhole(ps, f, skip, part)
}

// ReadCommand finds a command in the image engine's table and splits its words into
// options and arguments. When it returns problems, the other results mean nothing.
func ReadCommand(f *kickstart.File, c *kickstart.Command) (Command, kickstart.Args, []*kickstart.Problem) {
	ps := &kickstart.Problems{File: f.Name}
	syntax, err := kickstart.LookupSyntax(imageRelease)
	if err != nil {
		ps.Errorf(c.Pos, "", "%v", err)
		return Command{}, kickstart.Args{}, ps.List
	}
	spec := syntax.Commands[c.Name]
	rule, ok := imageRule(c.Name)
	switch {
	case c.Name == "%include" || c.Name == "%ksappend":
		ps.Errorf(c.Pos, "put the lines themselves here, or include them in the template",
			"rackhand-installer can't carry out %s", c.Name)
	case !ok && spec == nil && c.Continued:
		ps.NotContinued(c)
	case !ok && imageHint(c.Name) != "":
		ps.Errorf(c.Pos, imageHint(c.Name), "rackhand-installer can't carry out %s", c.Name)
	case !ok && spec == nil:
		ps.Errorf(c.Pos, kickstart.DidYouMean(c.Name, imageNames()), "there is no command %s", kickstart.Clip(c.Name))
	case !ok:
		ps.Errorf(c.Pos, "leave it out for systems that are images", "rackhand-installer can't carry out %s", c.Name)
	}
	if len(ps.List) > 0 {
		return rule, kickstart.Args{}, ps.List
	}
	args := kickstart.Bind(ps, imageRelease, c.Name, spec, c.Words, false)
	imageOptions(ps, c, rule, args)
	if rule.Arg == kickstart.KindNone && len(args.Positionals) > 0 {
		ps.Errorf(args.Positionals[0].Pos, "quote a value that has blanks in it", "%s: one word too many", c.Name)
	}
	if rule.Arg != kickstart.KindNone {
		imageArg(ps, c, rule, args)
	}
	if len(ps.List) == 0 {
		ps.Join(kickstart.RuleErrors(f.Name, imageRelease, c, args)...)
	}
	return rule, args, ps.List
}

// imageTable is the result of Commands, computed once.
var imageTable = sync.OnceValue(Commands)

func imageRule(name string) (Command, bool) {
	for _, r := range imageTable() {
		if slices.Contains(r.Names, name) {
			return r, true
		}
	}
	return Command{}, false
}

func imageNames() []string {
	var out []string
	for _, r := range imageTable() {
		out = append(out, r.Names...)
	}
	return out
}

func imageOptions(ps *kickstart.Problems, c *kickstart.Command, rule Command, args kickstart.Args) {
	before := len(ps.List)
	var can []string
	for _, eo := range rule.Options {
		can = append(can, eo.Flag)
	}
	for _, o := range args.Options {
		i := slices.IndexFunc(rule.Options, func(eo Option) bool { return slices.Contains(o.Spec.Flags, eo.Flag) })
		if i < 0 {
			ps.Errorf(o.Pos, "it can do "+strings.Join(can, " "), "rackhand-installer can't carry out %s %s", c.Name, o.Name())
			continue
		}
		eo := rule.Options[i]
		if len(eo.Only) > 0 && !slices.Contains(eo.Only, o.Value) {
			ps.Errorf(o.ValuePos, "it can do "+strings.Join(eo.Only, ", "),
				"rackhand-installer can't carry out %s %s=%s", c.Name, eo.Flag, kickstart.Clip(o.Value))
		} else if want := eo.Kind.Check(o.Value); want != "" {
			ps.Errorf(o.ValuePos, "it must be "+want, "%s: %s has a value that can't be used", c.Name, eo.Flag)
		}
	}
	if len(ps.List) > before {
		return // with an error before, nothing can be called missing
	}
	for _, eo := range rule.Options {
		if eo.Need && !args.Has(eo.Flag) {
			ps.Errorf(c.Pos, "", "rackhand-installer needs %s with %s", c.Name, eo.Flag)
		}
	}
	syntax, err := kickstart.LookupSyntax(imageRelease)
	if err != nil {
		return // ReadCommand has reported it
	}
	spec := syntax.Commands[c.Name]
	for _, o := range spec.Options {
		need := func(eo Option) bool { return eo.Need && slices.Contains(o.Flags, eo.Flag) }
		if o.Required && !args.Has(o.Flags[0]) && !slices.ContainsFunc(rule.Options, need) {
			ps.Errorf(c.Pos, "", "%s needs %s", c.Name, o.Flags[0])
		}
	}
}

// imageArg checks the positionals of a command.
func imageArg(ps *kickstart.Problems, c *kickstart.Command, rule Command, args kickstart.Args) {
	optional := (rule.Verb == RootPW && args.Has("--lock")) ||
		(rule.Verb == Timezone && len(args.Options) > 0) ||
		(rule.Verb == Keyboard && len(args.Options) > 0)
	switch n := len(args.Positionals); {
	case n == 0 && !optional:
		ps.Errorf(c.Pos, "", "%s needs a value", c.Name)
	case n > 1 && !rule.Many:
		ps.Errorf(args.Positionals[1].Pos, "quote a value that has blanks in it", "%s: one word too many", c.Name)
	}
	for _, w := range args.Positionals {
		if want := rule.Arg.Check(w.Text); want != "" {
			ps.Errorf(w.Pos, "it must be "+want, "%s: this value can't be used", c.Name)
		}
	}
}
