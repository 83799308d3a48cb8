package kickstart

import (
	"slices"
	"strings"
)

// An Option is an option as it stands on a line.
type Option struct {
	Spec  *OptionSpec
	Value string // "" for a flag
	Pos   Pos    // of the option's word
	// ValuePos is where the value begins; Pos for a flag.
	ValuePos Pos
	// lost: the value is not a text, not even an empty one (see void).
	lost bool
}

// Name is the option's first spelling in the grammar, with its dashes.
func (o Option) Name() string { return o.Spec.Flags[0] }

// Args are the words of a line, classified by a grammar.
type Args struct {
	Options     []Option
	Positionals []Word // every word that is not an option, in the line's order
	// Taken are the words that each of the grammar's positionals took, and Extra
	// those that are left over: a positional that takes any number takes those
	// that stand together at its first turn, no later ones (argparse).
	Taken [][]Word
	Extra []Word
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

// List is a value split at commas, items trimmed, empty ones dropped.
func List(s string) []string { return splitList(s) }

func splitList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// checkOption holds an option's value against its grammar.
func checkOption(ps *Problems, r Release, name string, o *Option) bool {
	flag := o.Name()
	switch {
	case o.Spec.Removed:
		ps.Errorf(o.Pos, "leave it out", "%s %s has been removed from this release", name, flag)
		return false
	case o.Spec.Deprecated:
		hint := insteadOf(name, flag)
		if hint == "" {
			hint = "leave it out"
		}
		ps.Warnf(o.Pos, hint, "%s %s is deprecated in this release", name, flag)
	}
	if o.Spec.TakesValue && void(r, o) {
		o.Value, o.lost = "", true
		return true
	}
	if len(o.Spec.Choices) > 0 && !slices.Contains(o.Spec.Choices, o.Value) {
		ps.Errorf(o.ValuePos, "choose one of "+strings.Join(o.Spec.Choices, ", "),
			"%s: %s can't be %q", name, flag, Clip(o.Value))
		return false
	}
	text := o.Spec.TakesValue && o.Spec.Type != "int" && o.Spec.Type != "ksboolean"
	if r == RHEL7 && text && len(o.Value) > 2 && strings.HasPrefix(o.Value, "--") {
		ps.Errorf(o.ValuePos, "RHEL 7 takes it for an option", "%s: %s can't have a value that begins with two dashes", name, flag)
		return false
	}
	if want := typeForms[o.Spec.Type]; want.good != nil && !want.good(o.Value) && !dropped(r, o) {
		ps.Errorf(o.ValuePos, "choose one of "+want.hint, "%s: %s can't be %q", name, flag, Clip(o.Value))
		return false
	}
	switch o.Spec.Type {
	case "int":
		if _, ok := parseIntOf(r, o.Value); !ok {
			ps.Errorf(o.ValuePos, "a whole number, without a unit", "%s: %s is not a number", name, flag)
			return false
		}
	case "ksboolean":
		if _, ok := parseBool(o.Value); !ok {
			ps.Errorf(o.ValuePos, "on or off", "%s: %s is not on or off", name, flag)
			return false
		}
	}
	return true
}

// void reports a value that is lost: where Python's argparse before 3.12.2 takes
// --opt=--, it drops the two dashes, and the option has an empty list for a value,
// which no check looks at. btrfs's levels were seen to pass in Fedora too.
func void(r Release, o *Option) bool {
	return o.Value == "--" && (r == RHEL8 || r == RHEL9 || o.Spec.Type == "level_cb")
}

// dropped reports a value that RHEL 7 skips when it doesn't know it, as if the
// option were not there: raid --level.
func dropped(r Release, o *Option) bool { return r == RHEL7 && o.Spec.Type == "_level_cb" }
