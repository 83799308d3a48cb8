package engine

import (
	"fmt"
	"slices"
	"sync"

	"rackhand/templates/kickstart"
)

// A Reading is a Kickstart as the image engine carries it out.
type Reading struct {
	// File is the Kickstart without the parts that the engine skips. Places are those of
	// the Kickstart.
	File *kickstart.File
	// Problems are Errors where the engine refuses, and Warnings where it skips or adds
	// something, in the file's order. They hold no secrets.
	Problems []*kickstart.Problem
	// Keep is the reason why a disk that carries data must not be wiped, even if the
	// operator allows it: the Kickstart doesn't clear whole disks. "clearpart --none", for
	// example. It is empty when whole disks are cleared.
	Keep string
	// Includes are the %include lines whose files %pre writes. While there are any, only
	// the %pre scripts of the reading can be run: see kickstart.Include.
	Includes []*kickstart.Command
}

// Read reads a Kickstart for the image engine. Under Skip it needs no liveimg line, because
// the image then belongs to the system to install.
func Read(f *kickstart.File, u Unsupported) *Reading {
	r := &skipReader{ps: &kickstart.Problems{File: f.Name}, skip: u == Skip, out: &kickstart.File{Name: f.Name}}
	r.pre = slices.ContainsFunc(f.Sections, func(s *kickstart.Section) bool { return s.Name == "%pre" })
	for _, c := range f.Commands {
		if r.ps.Full() {
			break
		}
		r.command(c)
	}
	r.sections(f)
	if r.skip {
		r.oneFirewall()
	}
	out := &Reading{File: r.out, Includes: r.includes}
	switch {
	case len(r.includes) > 0:
		out.Keep = "%include" // unknown before %pre has run
	case r.skip:
		out.Keep = r.keepDisks()
	}
	refused := map[int]bool{}
	for _, p := range kickstart.Errors(r.ps.List) {
		refused[p.Pos.Line] = true
	}
	strict := &kickstart.Problems{File: f.Name}
	imageProblems(strict, r.out, r.skip, len(r.includes) > 0)
	for _, p := range strict.List {
		// A problem at the top is about something that the whole file lacks. It may be
		// missing only because a line was refused.
		if !refused[p.Pos.Line] && (len(refused) == 0 || p.Pos.Line > 1) {
			r.ps.Join(p)
		}
	}
	r.ps.Sort()
	out.Problems = r.ps.List
	if r.ps.Dropped > 0 { // a truncated list says so
		last := r.ps.List[len(r.ps.List)-1].Pos
		out.Problems = append(out.Problems, &kickstart.Problem{
			File: f.Name, Pos: last, Severity: kickstart.Warning, Message: fmt.Sprintf("%d more things are skipped with a warning, and not listed", r.ps.Dropped),
		})
	}
	return out
}

// A skipReader reads a Kickstart by the table of Skipping.
type skipReader struct {
	ps       *kickstart.Problems
	skip     bool
	pre      bool // the Kickstart has a %pre
	out      *kickstart.File
	includes []*kickstart.Command
}

// skipTable is the result of Skipping, computed once.
var skipTable = sync.OnceValue(Skipping)

// treat finds the treatment of a command, or of one of its options; nil without a treatment.
func (r *skipReader) treat(b *looseCommand, option *looseOption) *Treatment {
	name := b.c.Name
	if name == "partition" {
		name = "part"
	}
	table := skipTable()
	for i := range table {
		t := &table[i]
		switch {
		case t.Command != name, !r.skip && !t.Both, (option == nil) != (len(t.Options) == 0):
		case option != nil && !slices.ContainsFunc(t.Options, option.is):
		case t.With != nil && !slices.ContainsFunc(t.With, b.has), t.line != nil && !t.line(b):
		case option != nil && t.value != nil && !t.value(option.value):
		default:
			return t
		}
	}
	return nil
}

// report reports how a command, option or line named what is treated.
func (r *skipReader) report(t *Treatment, at kickstart.Pos, what string) {
	switch t.Fate {
	case Warned:
		r.ps.Warnf(at, "", "%s is skipped: %s", what, t.Why)
	case Later:
		r.ps.Warnf(at, "", "%s can't be checked here: %s", what, t.Why)
	case Refused:
		r.ps.Errorf(at, "", "rackhand-installer can't carry out %s, and doesn't skip it: %s", what, t.Why)
	}
}

// command reads one command. The rest of it after skipping goes to the file that is
// carried out. A refused command stays in, so that nothing else is called missing because
// of it.
func (r *skipReader) command(c *kickstart.Command) {
	b := readLoosely(c)
	b.pre = r.pre
	if t := r.treat(b, nil); t != nil {
		r.report(t, c.Pos, b.shown())
		switch t.Fate {
		case Refused:
			r.out.Commands = append(r.out.Commands, c)
		case Later:
			r.includes = append(r.includes, c)
		}
		return
	}
	if !r.skip {
		r.out.Commands = append(r.out.Commands, c)
		return
	}
	if c = r.options(b); c.Name == "part" || c.Name == "partition" {
		c = growing(readLoosely(c))
	}
	r.out.Commands = append(r.out.Commands, c)
}

// oneFirewall merges several firewall lines: all ports and services of them are open, and
// the last --enabled or --disabled counts.
func (r *skipReader) oneFirewall() {
	var (
		out   []*kickstart.Command
		first *kickstart.Command
	)
	for _, c := range r.out.Commands {
		switch {
		case c.Name != "firewall":
		case first == nil:
			one := *c
			one.Words = slices.Clone(c.Words)
			first, c = &one, &one
		default:
			first.Words = append(first.Words, c.Words...)
			continue
		}
		out = append(out, c)
	}
	r.out.Commands = out
}

// options treats the options of a command one by one.
func (r *skipReader) options(b *looseCommand) *kickstart.Command {
	drop := map[int]bool{}
	set := map[int]kickstart.Word{}
	for i := range b.options {
		o := &b.options[i]
		t := r.treat(b, o)
		if t == nil || b.c.Name == "clearpart" && slices.Contains(t.Options, "--none") {
			continue // keepDisks reports the whole line
		}
		what := b.c.Name + " " + o.flag
		if t.value != nil && t.Fate != Refused {
			what += "=" + kickstart.Clip(o.value)
		}
		r.report(t, o.at, what)
		if t.Fate == Refused {
			continue
		}
		for j := range o.words {
			drop[o.first+j] = true
		}
		switch {
		case t.instead != nil:
			set[o.first] = kickstart.Word{Text: o.flag + "=" + t.instead(o.value), Pos: o.at}
		case t.rewrite != nil:
			set[o.first] = kickstart.Word{Text: t.rewrite(b), Pos: o.at}
		}
	}
	if len(drop) == 0 {
		return b.c
	}
	out := *b.c
	out.Words = nil
	for i, w := range b.c.Words {
		if n, ok := set[i]; ok {
			out.Words = append(out.Words, n)
		} else if !drop[i] {
			out.Words = append(out.Words, w)
		}
	}
	return &out
}
