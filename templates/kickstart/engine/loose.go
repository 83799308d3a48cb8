package engine

import (
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// A looseCommand is a command's words, split into options and arguments by the grammar of
// any release that knows them.
type looseCommand struct {
	c       *kickstart.Command
	options []looseOption
	pre     bool           // the Kickstart has a %pre
	args    []string       // the words that are not options or their values
	last    map[string]int // index in options of an option's last use, by each spelling
}

func (b *looseCommand) add(o looseOption) {
	if b.last == nil {
		b.last = map[string]int{}
	}
	for _, f := range o.flags {
		b.last[f] = len(b.options)
	}
	b.options = append(b.options, o)
}

type looseOption struct {
	flag         string   // the first spelling, or the word itself when no release knows it
	flags        []string // all spellings
	value        string
	at           kickstart.Pos
	first, words int // index of its first word in the command's words, and their number
}

func (o looseOption) is(flag string) bool { return slices.Contains(o.flags, flag) }

// readLoosely splits a command's words into options and arguments.
func readLoosely(c *kickstart.Command) *looseCommand {
	b := &looseCommand{c: c}
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
		o := looseOption{flag: flag, flags: []string{flag}, value: value, at: w.Pos, first: i, words: 1}
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

// anyRelease finds the grammar of an option: in the engine's release first, then in
// others, newest first.
func anyRelease(command, flag string) *kickstart.OptionSpec {
	for _, rel := range []kickstart.Release{imageRelease, kickstart.F44, kickstart.F43, kickstart.F42, kickstart.RHEL10, kickstart.RHEL8, kickstart.RHEL7} {
		syntax, err := kickstart.LookupSyntax(rel)
		if err != nil {
			continue // ReadCommand reports it
		}
		if spec := syntax.Commands[command]; spec != nil {
			if o, _ := spec.Find(flag); o != nil {
				return o
			}
		}
	}
	return nil
}

func (b *looseCommand) has(flag string) bool {
	_, ok := b.last[flag]
	return ok
}

// value is the value of an option's last use, or "".
func (b *looseCommand) value(flag string) string {
	if i, ok := b.last[flag]; ok {
		return b.options[i].value
	}
	return ""
}

// arg is the first positional argument, or "".
func (b *looseCommand) arg() string {
	if len(b.args) == 0 {
		return ""
	}
	return b.args[0]
}

// shown is the command for a message: with its options but without their values, which may
// be passwords.
func (b *looseCommand) shown() string {
	out := b.c.Name
	switch b.c.Name {
	case "auth", "authconfig", "authselect":
		for _, o := range b.options {
			out += " " + kickstart.Clip(o.flag)
		}
	case "%include", "%ksappend", "%addon", "part", "partition", "btrfs", "mount":
		out += " " + kickstart.Clip(b.arg())
	}
	return out
}

// without is the command without some of its options.
func (b *looseCommand) without(drop func(looseOption) bool) *kickstart.Command {
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
