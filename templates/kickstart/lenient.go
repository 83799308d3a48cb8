package kickstart

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// An ImageReading is a Kickstart as the image engine carries it out.
type ImageReading struct {
	// File is what is carried out: the Kickstart without what is passed over. Places
	// are those of the Kickstart.
	File *File
	// Problems are Errors where the engine refuses, and Warnings where it passes over
	// or adds something, in the file's order. They hold no secrets.
	Problems []*Problem
	// Keep is not empty when the Kickstart doesn't say that whole disks are cleared:
	// then a disk that carries data must not be wiped, whoever allows it. It says why:
	// "clearpart --none".
	Keep string
	// Includes are the %include lines whose files %pre writes. While there are any, the
	// reading is good for running %pre alone: see Include.
	Includes []*Command
}

// ReadForImage reads a Kickstart for the image engine. Under Skip there needs to be no
// liveimg: the image is then that of the system that is installed.
func ReadForImage(f *File, u Unsupported) *ImageReading {
	r := &lenient{ps: &problems{file: f.Name}, skip: u == Skip, out: &File{Name: f.Name}}
	r.pre = slices.ContainsFunc(f.Sections, func(s *Section) bool { return s.Name == "%pre" })
	for _, c := range f.Commands {
		if r.ps.full() {
			break
		}
		r.command(c)
	}
	r.sections(f)
	if r.skip {
		r.oneFirewall()
	}
	out := &ImageReading{File: r.out, Includes: r.includes}
	switch {
	case len(r.includes) > 0:
		out.Keep = "%include" // nobody knows yet
	case r.skip:
		out.Keep = r.keepDisks()
	}
	refused := map[int]bool{}
	for _, p := range Errors(r.ps.list) {
		refused[p.Pos.Line] = true
	}
	strict := &problems{file: f.Name}
	imageProblems(strict, r.out, r.skip, len(r.includes) > 0)
	for _, p := range strict.list {
		// What stands at the top is missed in the whole, and may be missing for what was
		// refused alone.
		if !refused[p.Pos.Line] && (len(refused) == 0 || p.Pos.Line > 1) {
			r.ps.join(p)
		}
	}
	slices.SortStableFunc(r.ps.list, byPlace)
	out.Problems = r.ps.list
	if r.ps.dropped > 0 { // a list that is cut says so
		last := r.ps.list[len(r.ps.list)-1].Pos
		out.Problems = append(out.Problems, &Problem{
			File: f.Name, Pos: last, Severity: Warning, Message: fmt.Sprintf("%d more things are passed over with a warning, and not listed", r.ps.dropped),
		})
	}
	return out
}

// A lenient reads a Kickstart by the table.
type lenient struct {
	ps       *problems
	skip     bool
	pre      bool // the Kickstart has a %pre
	out      *File
	includes []*Command
}

// skipTable is Skipping, made once.
var skipTable = sync.OnceValue(Skipping)

// treat finds what becomes of a command, or of one of its options; nil for nothing.
func (r *lenient) treat(b *brought, option *broughtOption) *Treatment {
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

// say reports what becomes of something that is named by what.
func (r *lenient) say(t *Treatment, at Pos, what string) {
	switch t.Fate {
	case Warned:
		r.ps.warnf(at, "", "%s is passed over: %s", what, t.Why)
	case Later:
		r.ps.warnf(at, "", "what %s says can't be told here: %s", what, t.Why)
	case Refused:
		r.ps.errorf(at, "", "rackhand-installer can't carry out %s, and doesn't pass it over: %s", what, t.Why)
	}
}

// command takes one command: what is left of it goes to the file that is carried out.
// What is refused stays in, so that nothing is missed for want of it.
func (r *lenient) command(c *Command) {
	b := newBrought(c)
	b.pre = r.pre
	if t := r.treat(b, nil); t != nil {
		r.say(t, c.Pos, b.shown())
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
		c = growing(newBrought(c))
	}
	r.out.Commands = append(r.out.Commands, c)
}

// oneFirewall puts several firewall lines together: each opens what it names, and the
// last of --enabled and --disabled counts.
func (r *lenient) oneFirewall() {
	var (
		out   []*Command
		first *Command
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

// options takes a command's options one by one.
func (r *lenient) options(b *brought) *Command {
	drop := map[int]bool{}
	set := map[int]Word{}
	for i := range b.options {
		o := &b.options[i]
		t := r.treat(b, o)
		if t == nil || b.c.Name == "clearpart" && slices.Contains(t.Options, "--none") {
			continue // keepDisks tells of the line as a whole
		}
		what := b.c.Name + " " + o.flag
		if t.value != nil && t.Fate != Refused {
			what += "=" + clip(o.value)
		}
		r.say(t, o.at, what)
		if t.Fate == Refused {
			continue
		}
		for j := range o.words {
			drop[o.first+j] = true
		}
		switch {
		case t.instead != nil:
			set[o.first] = Word{o.flag + "=" + t.instead(o.value), o.at}
		case t.rewrite != nil:
			set[o.first] = Word{t.rewrite(b), o.at}
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

// A brought is a command's words, told apart by the grammar of any release that knows
// them.
type brought struct {
	c       *Command
	options []broughtOption
	pre     bool           // it stands in a Kickstart with a %pre
	args    []string       // the words that are no options nor their values
	last    map[string]int // where an option stands last among options, by each spelling
}

func (b *brought) add(o broughtOption) {
	if b.last == nil {
		b.last = map[string]int{}
	}
	for _, f := range o.flags {
		b.last[f] = len(b.options)
	}
	b.options = append(b.options, o)
}

type broughtOption struct {
	flag         string   // its first spelling, or as it stands when no release knows it
	flags        []string // all spellings
	value        string
	at           Pos
	first, words int // where it stands among the command's words, and how many it has
}

func (o broughtOption) is(flag string) bool { return slices.Contains(o.flags, flag) }

// newBrought tells a command's words apart.
func newBrought(c *Command) *brought {
	b := &brought{c: c}
	for i := 0; i < len(c.Words); i++ {
		w := c.Words[i]
		if w.Text == "--" {
			for _, rest := range c.Words[i+1:] {
				b.args = append(b.args, rest.Text)
			}
			break
		}
		if !strings.HasPrefix(w.Text, "--") {
			b.args = append(b.args, w.Text)
			continue
		}
		flag, value, given := strings.Cut(w.Text, "=")
		o := broughtOption{flag: flag, flags: []string{flag}, value: value, at: w.Pos, first: i, words: 1}
		if spec := anyRelease(c.Name, flag); spec != nil {
			o.flag, o.flags = spec.Flags[0], spec.Flags
			if spec.TakesValue && !given && i+1 < len(c.Words) && !strings.HasPrefix(c.Words[i+1].Text, "-") {
				i++
				o.value, o.words = c.Words[i].Text, 2
			}
		}
		b.add(o)
	}
	return b
}

// anyRelease is an option's grammar: the engine's release knows best, then the newest.
func anyRelease(command, flag string) *OptionSpec {
	for _, rel := range []Release{imageRelease, F44, F43, F42, RHEL10, RHEL8, RHEL7} {
		syntax, err := LookupSyntax(rel)
		if err != nil {
			continue // ImageCommand reports it
		}
		if spec := syntax.Commands[command]; spec != nil {
			if o, _ := spec.find(flag); o != nil {
				return o
			}
		}
	}
	return nil
}

func (b *brought) has(flag string) bool {
	_, ok := b.last[flag]
	return ok
}

// value is that of an option's last use; "" for none.
func (b *brought) value(flag string) string {
	if i, ok := b.last[flag]; ok {
		return b.options[i].value
	}
	return ""
}

// arg is the first word that is no option.
func (b *brought) arg() string {
	if len(b.args) == 0 {
		return ""
	}
	return b.args[0]
}

// shown names the command in a message with its options, never with their values,
// among which may be passwords.
func (b *brought) shown() string {
	out := b.c.Name
	switch b.c.Name {
	case "auth", "authconfig", "authselect":
		for _, o := range b.options {
			out += " " + clip(o.flag)
		}
	case "%include", "%ksappend", "%addon", "part", "partition", "btrfs", "mount":
		out += " " + clip(b.arg())
	}
	return out
}

// without is the command less some of its options.
func (b *brought) without(drop func(broughtOption) bool) *Command {
	gone := map[int]bool{}
	for _, o := range b.options {
		for j := range o.words {
			gone[o.first+j] = gone[o.first+j] || drop(o)
		}
	}
	out := *b.c
	out.Words = nil
	for i, w := range b.c.Words {
		if !gone[i] {
			out.Words = append(out.Words, w)
		}
	}
	return &out
}
