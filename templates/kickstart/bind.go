package kickstart

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// An Option is an option as it stands on a line.
type Option struct {
	Spec  *OptionSpec
	Value string // "" for a flag
	Pos   Pos    // of the option's word
	// ValuePos is where the value begins; Pos for a flag.
	ValuePos Pos
}

// Name is the option's first spelling in the grammar, with its dashes.
func (o Option) Name() string { return o.Spec.Flags[0] }

// Args are the words of a line, told apart by a grammar.
type Args struct {
	Options     []Option
	Positionals []Word
	// Split is the index of the first positional that stands after an option which
	// itself follows a positional; 0 when they stand together.
	Split int
}

// Option returns the last use of an option, by any of its spellings.
func (a Args) Option(flag string) (Option, bool) {
	for _, o := range slices.Backward(a.Options) {
		if slices.Contains(o.Spec.Flags, flag) {
			return o, true
		}
	}
	return Option{}, false
}

// Has reports whether an option is given.
func (a Args) Has(flag string) bool {
	_, ok := a.Option(flag)
	return ok
}

// Value is the value of the last use of an option; "" when it isn't given.
func (a Args) Value(flag string) string {
	o, _ := a.Option(flag)
	return o.Value
}

// List is an option's value split at commas, items trimmed, empty ones dropped.
func (a Args) List(flag string) []string { return splitList(a.Value(flag)) }

func splitList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// bind tells options and positionals apart as Python's argparse does, and
// checks every option against its grammar. A word that looks like an option and is
// none is an error, or a positional when loose is set.
func bind(ps *problems, name string, spec *CommandSpec, words []Word) Args {
	return bindWords(ps, name, spec, words, false)
}

func bindWords(ps *problems, name string, spec *CommandSpec, words []Word, loose bool) Args {
	var args Args
	// after: an option stood between this positional and the one before.
	after := false
	positional := func(ws ...Word) {
		if after && len(args.Positionals) > 0 && args.Split == 0 {
			args.Split = len(args.Positionals)
		}
		args.Positionals, after = append(args.Positionals, ws...), false
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.Text == "--" {
			positional(words[i+1:]...)
			break
		}
		if !looksLikeOption(w.Text) {
			positional(w)
			continue
		}
		flag, value, given := strings.Cut(w.Text, "=")
		o, several := spec.find(flag)
		switch {
		case o == nil && several != nil:
			ps.errorf(w.Pos, "write one of "+strings.Join(several, ", "), "%s: %s is ambiguous", name, flag)
			continue
		case o == nil && (loose || strings.Contains(w.Text, " ")):
			positional(w)
			continue
		case o == nil:
			ps.errorf(w.Pos, didYouMean(flag, spec.flags()), "%s has no option %s", name, clip(flag))
			continue
		}
		after = true
		opt := Option{Spec: o, Value: value, Pos: w.Pos, ValuePos: w.Pos}
		if given {
			opt.ValuePos.Col += len([]rune(flag)) + 1
		}
		switch {
		case !o.TakesValue && given:
			ps.errorf(w.Pos, "write "+o.Flags[0]+" alone", "%s: %s takes no value", name, o.Flags[0])
			continue
		case o.TakesValue && !given && i+1 < len(words) && !looksLikeOption(words[i+1].Text):
			i++
			opt.Value, opt.ValuePos = words[i].Text, words[i].Pos
		case o.TakesValue && !given && o.Nargs != "?":
			ps.errorf(w.Pos, "write "+o.Flags[0]+"=VALUE", "%s: %s needs a value", name, o.Flags[0])
			continue
		}
		if checkOption(ps, name, opt) {
			args.Options = append(args.Options, opt)
		}
	}
	return args
}

// looksLikeOption: it begins with a dash and is neither a lone dash nor a
// negative number.
func looksLikeOption(s string) bool {
	if len(s) < 2 || s[0] != '-' {
		return false
	}
	return !negativeNumber(s)
}

// negativeNumber is argparse's own notion: -1, -.5 and -1.5, not -1e3.
func negativeNumber(s string) bool {
	whole, fraction, point := strings.Cut(s[1:], ".")
	if point {
		return digits(fraction) && (whole == "" || digits(whole))
	}
	return digits(whole)
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func checkOption(ps *problems, name string, o Option) bool {
	flag := o.Name()
	switch {
	case o.Spec.Removed:
		ps.errorf(o.Pos, "leave it out", "%s %s has been removed from this release", name, flag)
		return false
	case o.Spec.Deprecated:
		ps.warnf(o.Pos, "leave it out", "%s %s is deprecated in this release", name, flag)
	}
	if len(o.Spec.Choices) > 0 && !slices.Contains(o.Spec.Choices, o.Value) {
		ps.errorf(o.ValuePos, "choose one of "+strings.Join(o.Spec.Choices, ", "),
			"%s: %s can't be %q", name, flag, clip(o.Value))
		return false
	}
	if want := typeForms[o.Spec.Type]; want.good != nil && !want.good(o.Value) {
		ps.errorf(o.ValuePos, "choose one of "+want.hint, "%s: %s can't be %q", name, flag, clip(o.Value))
		return false
	}
	switch o.Spec.Type {
	case "int":
		if _, ok := parseInt(o.Value); !ok {
			ps.errorf(o.ValuePos, "a whole number, without a unit", "%s: %s is no number", name, flag)
			return false
		}
	case "ksboolean":
		if _, ok := parseBool(o.Value); !ok {
			ps.errorf(o.ValuePos, "on or off", "%s: %s is neither on nor off", name, flag)
			return false
		}
	}
	return true
}

// parseInt reads a number as Python's int() does: sign, underscores between
// digits and blanks around it are allowed, and there is no largest one; what 64 bits
// don't hold is cut to what they do.
func parseInt(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	sign, plain := "", s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, plain = s[:1], s[1:]
	}
	for part := range strings.SplitSeq(plain, "_") {
		if !digits(part) {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(sign+strings.ReplaceAll(plain, "_", ""), 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "on", "yes", "true", "1":
		return true, true
	case "off", "no", "false", "0":
		return false, true
	}
	return false, false
}

// clip keeps a word in a message short.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
