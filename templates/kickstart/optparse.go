package kickstart

import (
	"slices"
	"strings"
)

// bindOptparse splits options and positionals as the parser of RHEL 7 does, which uses
// Python 2's optparse (pykickstart 1.99, options.py): positionals come from the whole
// line, an option that takes a value takes any next word, and a word that begins with a
// dash is an option.
func bindOptparse(ps *Problems, name string, spec *CommandSpec, words []Word) Args {
	b := &binder{ps: ps, release: RHEL7, name: name, spec: spec, words: words}
	b.classes, b.found = make([]class, len(words)), make([]*OptionSpec, len(words))
	var free []Word
	for i := 0; i < len(words) && !ps.Full(); {
		switch text := words[i].Text; {
		case text == "--": // dropped; no options after it
			free = append(free, words[i+1:]...)
			i = len(words)
		case len(text) > 1 && text[0] == '-':
			i = b.optparseOption(i)
		default:
			free = append(free, words[i])
			i++
		}
	}
	b.distribute(free)
	return b.args
}

// optparseOption reads the option at i and its value; it returns where to go on.
func (b *binder) optparseOption(i int) int {
	w := b.words[i]
	flag, _, given := strings.Cut(w.Text, "=")
	o, several := b.spec.Find(flag)
	switch {
	case several != nil:
		b.ps.Errorf(w.Pos, "write one of "+strings.Join(several, ", "), "%s: %s is ambiguous", b.name, b.shown(i))
		return i + 1
	case o == nil:
		b.ps.Errorf(w.Pos, DidYouMean(flag, b.spec.flags()), "%s has no option %s", b.name, b.shown(i))
		return i + 1
	}
	b.found[i], b.classes[i] = o, option
	// The word after it is its value, in any form.
	if o.TakesValue && !given && i+1 < len(b.words) {
		return b.store(i, b.words[i+1].Text, b.words[i+1].Pos, i+2)
	}
	return b.option(i)
}

// distribute assigns the words to the positionals of the grammar: one each, and the rest
// to one that takes any number.
func (b *binder) distribute(free []Word) {
	b.args.Positionals = free
	for _, p := range b.spec.Positionals {
		n := min(1, len(free))
		switch {
		case p.Nargs == "*":
			n = len(free)
		case n == 0 && p.Nargs != "?":
			return
		}
		b.args.Taken = append(b.args.Taken, slices.Clone(free[:n]))
		free = free[n:]
	}
	b.args.Extra = free
}
