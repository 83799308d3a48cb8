package kickstart

import (
	"strings"
	"unicode"
)

// Bind splits words into options and positionals as a release's parser does, which is
// Python's argparse (RHEL 7: optparse), and checks every option against its grammar.
// A word that looks like an option and isn't one is an error; with loose it is left over.
func Bind(ps *Problems, r Release, name string, spec *CommandSpec, words []Word, loose bool) Args {
	if r == RHEL7 {
		return bindOptparse(ps, name, spec, words)
	}
	b := &binder{ps: ps, release: r, name: name, spec: spec, words: words, loose: loose}
	b.classify()
	b.run()
	return b.args
}

// A class is how argparse reads a word.
type class byte

const (
	plain   class = iota // a positional, or an option's value
	option               // an option of the grammar
	unknown              // looks like an option, and isn't one
	dashes               // the first --
)

type binder struct {
	ps      *Problems
	release Release
	name    string
	spec    *CommandSpec
	words   []Word
	loose   bool

	classes []class
	found   []*OptionSpec // of the words that are options
	turn    int           // index of the next of the grammar's positionals
	args    Args
}

// classify sets the class of each word. After -- there are no options.
func (b *binder) classify() {
	b.classes = make([]class, len(b.words))
	b.found = make([]*OptionSpec, len(b.words))
	for i, w := range b.words {
		if w.Text == "--" || b.ps.Full() {
			b.classes[i] = dashes
			return
		}
		if len(w.Text) < 2 || w.Text[0] != '-' {
			continue
		}
		flag, _, _ := strings.Cut(w.Text, "=")
		o, several := b.spec.Find(flag)
		switch {
		case o != nil:
			b.classes[i], b.found[i] = option, o
		case several != nil:
			b.classes[i] = unknown
			b.ps.Errorf(w.Pos, "write one of "+strings.Join(several, ", "), "%s: %s is ambiguous", b.name, b.shown(i))
		case negativeNumber(w.Text) || strings.Contains(w.Text, " "):
		default:
			b.classes[i] = unknown
			if !b.loose {
				b.ps.Errorf(w.Pos, DidYouMean(flag, b.spec.flags()), "%s has no option %s", b.name, b.shown(i))
			}
		}
	}
}

// shown is a word that should be an option, for a message. A word that may be a password
// with a leading dash isn't shown.
func (b *binder) shown(i int) string {
	flag, _, _ := strings.Cut(b.words[i].Text, "=")
	value := i > 0 && b.found[i-1] != nil && b.found[i-1].TakesValue && !strings.Contains(b.words[i-1].Text, "=")
	if value || b.name == "rootpw" || b.name == "sshpw" {
		return "of this name (write a value that begins with a dash after =, or after --)"
	}
	return Clip(flag)
}

// run reads the words as argparse does: positionals take the words before an option, then
// the option takes its value.
func (b *binder) run() {
	i := 0
	for next := b.nextOption(0); next < len(b.words); next = b.nextOption(i) {
		for i < next {
			if n := b.take(i, next); n > 0 {
				i += n
				continue
			}
			b.leftOver(b.words[i:next])
			i = next
		}
		i = b.option(i)
	}
	i += b.take(i, len(b.words))
	b.leftOver(b.words[i:])
}

func (b *binder) nextOption(i int) int {
	for i < len(b.words) && b.classes[i] != option && b.classes[i] != unknown {
		i++
	}
	return i
}

// take assigns the words from i to end to as many positionals of the grammar as they fill,
// and returns the number of words assigned.
func (b *binder) take(i, end int) int {
	start := i
	for ; b.turn < len(b.spec.Positionals); b.turn++ {
		var took []Word
		most := 1
		if b.spec.Positionals[b.turn].Nargs == "*" {
			most = end
		}
		at := i
		for ; at < end && (len(took) < most || b.classes[at] == dashes); at++ {
			if b.classes[at] != dashes {
				took = append(took, b.words[at])
			}
		}
		if n := b.spec.Positionals[b.turn].Nargs; len(took) == 0 && n != "*" && n != "?" {
			break
		}
		i = at
		b.args.Taken = append(b.args.Taken, took)
		b.args.Positionals = append(b.args.Positionals, took...)
	}
	return i - start
}

// leftOver keeps words that no positional took.
func (b *binder) leftOver(words []Word) {
	b.args.Extra = append(b.args.Extra, words...)
	b.args.Positionals = append(b.args.Positionals, words...)
}

// option reads the option at i and its value; it returns where to go on.
func (b *binder) option(i int) int {
	w, o := b.words[i], b.found[i]
	if o == nil {
		if b.loose { // otherwise it was reported
			b.leftOver(b.words[i : i+1])
		}
		return i + 1
	}
	flag, value, given := strings.Cut(w.Text, "=")
	at := w.Pos
	if given {
		at.Col += len([]rune(flag)) + 1
	}
	i++
	switch {
	case !o.TakesValue && given:
		b.ps.Errorf(w.Pos, "write "+o.Flags[0]+" alone", "%s: %s takes no value", b.name, o.Flags[0])
		return i
	case o.TakesValue && !given && i < len(b.words) && b.classes[i] == plain:
		return b.store(i-1, b.words[i].Text, b.words[i].Pos, i+1)
	case o.TakesValue && !given && o.Nargs != "?":
		b.ps.Errorf(w.Pos, "write "+o.Flags[0]+"=VALUE", "%s: %s needs a value", b.name, o.Flags[0])
		return i
	}
	return b.store(i-1, value, at, i)
}

// store keeps the option of the word at i, with its value, once that is checked. It
// returns next, where to go on.
func (b *binder) store(i int, value string, at Pos, next int) int {
	opt := Option{Spec: b.found[i], Value: value, Pos: b.words[i].Pos, ValuePos: at}
	if checkOption(b.ps, b.release, b.name, &opt) {
		b.args.Options = append(b.args.Options, opt)
	}
	return next
}

// negativeNumber is argparse's own form: -1, -.5 and -1.5, not -1e3.
func negativeNumber(s string) bool {
	whole, fraction, point := strings.Cut(s[1:], ".")
	if point {
		return digits(fraction) && (whole == "" || digits(whole))
	}
	return digits(whole)
}

// digits reports whether a text is decimal digits alone, of any script (Python's \d).
func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsDigit(r) })
}
