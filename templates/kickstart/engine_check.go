package kickstart

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// CheckEngine reports what an engine can't carry out (an Error): commands, options,
// values and sections, and what it needs and doesn't find; and what it adds (a
// Warning). Problems come in the file's order. The error is not nil when the engine is
// unknown. ReadForImage knows another way.
func CheckEngine(f *File, e Engine) ([]*Problem, error) {
	if e != EngineImage {
		return nil, fmt.Errorf("no table for the Kickstart engine %q; known is %q", e, EngineImage)
	}
	return ReadForImage(f, Refuse).Problems, nil
}

// imageProblems reports what the image engine can't carry out, and what it needs and
// doesn't find. With part the file is not all that there will be.
func imageProblems(ps *problems, f *File, skip, part bool) {
	for _, c := range f.Commands {
		if ps.full() {
			break
		}
		_, _, more := ImageCommand(f, c)
		ps.join(more...)
	}
	for _, s := range f.Sections {
		script, more := ImageSection(f, s)
		ps.join(more...)
		if script != nil {
			lineEnds(ps, anyDialect(), s, script.Interpreter)
		}
	}
	imageWhole(ps, f, skip, part)
}

// ImageCommand looks a command up in the image engine's table and tells its
// words apart. With problems, the other results are of no use.
func ImageCommand(f *File, c *Command) (EngineCommand, Args, []*Problem) {
	ps := &problems{file: f.Name}
	syntax, err := LookupSyntax(imageRelease)
	if err != nil {
		ps.errorf(c.Pos, "", "%v", err)
		return EngineCommand{}, Args{}, ps.list
	}
	spec := syntax.Commands[c.Name]
	rule, ok := imageRule(c.Name)
	switch {
	case c.Name == "%include" || c.Name == "%ksappend":
		ps.errorf(c.Pos, "put the lines themselves here, or include them in the template",
			"rackhand-installer can't carry out %s", c.Name)
	case !ok && spec == nil && c.Continued:
		ps.notContinued(c)
	case !ok && imageHint(c.Name) != "":
		ps.errorf(c.Pos, imageHint(c.Name), "rackhand-installer can't carry out %s", c.Name)
	case !ok && spec == nil:
		ps.errorf(c.Pos, didYouMean(c.Name, imageNames()), "there is no command %s", clip(c.Name))
	case !ok:
		ps.errorf(c.Pos, "leave it out for systems that are images", "rackhand-installer can't carry out %s", c.Name)
	}
	if len(ps.list) > 0 {
		return rule, Args{}, ps.list
	}
	args := bind(ps, imageRelease, c.Name, spec, c.Words, false)
	imageOptions(ps, c, rule, args)
	if rule.Arg == KindNone && len(args.Positionals) > 0 {
		ps.errorf(args.Positionals[0].Pos, "quote a value that has blanks in it", "%s: one word too many", c.Name)
	}
	if rule.Arg != KindNone {
		imageArg(ps, c, rule, args)
	}
	if check := ruleTable()[c.Name]; check != nil && len(ps.list) == 0 {
		line := &line{checker: newChecker(f.Name, imageRelease, syntax), c: c, args: args}
		check(line)
		ps.join(Errors(line.ps.list)...)
	}
	return rule, args, ps.list
}

// imageTable is ImageCommands, made once.
var imageTable = sync.OnceValue(ImageCommands)

func imageRule(name string) (EngineCommand, bool) {
	for _, r := range imageTable() {
		if slices.Contains(r.Names, name) {
			return r, true
		}
	}
	return EngineCommand{}, false
}

func imageNames() []string {
	var out []string
	for _, r := range imageTable() {
		out = append(out, r.Names...)
	}
	return out
}

func imageOptions(ps *problems, c *Command, rule EngineCommand, args Args) {
	before := len(ps.list)
	var can []string
	for _, eo := range rule.Options {
		can = append(can, eo.Flag)
	}
	for _, o := range args.Options {
		i := slices.IndexFunc(rule.Options, func(eo EngineOption) bool { return slices.Contains(o.Spec.Flags, eo.Flag) })
		if i < 0 {
			ps.errorf(o.Pos, "it can do "+strings.Join(can, " "), "rackhand-installer can't carry out %s %s", c.Name, o.Name())
			continue
		}
		eo := rule.Options[i]
		if len(eo.Only) > 0 && !slices.Contains(eo.Only, o.Value) {
			ps.errorf(o.ValuePos, "it can do "+strings.Join(eo.Only, ", "),
				"rackhand-installer can't carry out %s %s=%s", c.Name, eo.Flag, clip(o.Value))
		} else if want := eo.Kind.check(o.Value); want != "" {
			ps.errorf(o.ValuePos, "it must be "+want, "%s: %s has a value that can't be used", c.Name, eo.Flag)
		}
	}
	if len(ps.list) > before {
		return // what is missing can't be told while something wasn't understood
	}
	for _, eo := range rule.Options {
		if eo.Need && !args.Has(eo.Flag) {
			ps.errorf(c.Pos, "", "rackhand-installer needs %s with %s", c.Name, eo.Flag)
		}
	}
	syntax, err := LookupSyntax(imageRelease)
	if err != nil {
		return // ImageCommand has reported it
	}
	spec := syntax.Commands[c.Name]
	for _, o := range spec.Options {
		need := func(eo EngineOption) bool { return eo.Need && slices.Contains(o.Flags, eo.Flag) }
		if o.Required && !args.Has(o.Flags[0]) && !slices.ContainsFunc(rule.Options, need) {
			ps.errorf(c.Pos, "", "%s needs %s", c.Name, o.Flags[0])
		}
	}
}

// imageArg checks the positionals of a command that has one.
func imageArg(ps *problems, c *Command, rule EngineCommand, args Args) {
	optional := (rule.Verb == RootPW && args.Has("--lock")) ||
		(rule.Verb == Timezone && len(args.Options) > 0) ||
		(rule.Verb == Keyboard && len(args.Options) > 0)
	switch n := len(args.Positionals); {
	case n == 0 && !optional:
		ps.errorf(c.Pos, "", "%s needs a value", c.Name)
	case n > 1 && !rule.Many:
		ps.errorf(args.Positionals[1].Pos, "quote a value that has blanks in it", "%s: one word too many", c.Name)
	}
	for _, w := range args.Positionals {
		if want := rule.Arg.check(w.Text); want != "" {
			ps.errorf(w.Pos, "it must be "+want, "%s: this value can't be used", c.Name)
		}
	}
}
