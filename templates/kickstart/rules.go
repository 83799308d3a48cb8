package kickstart

import (
	"slices"
	"strings"
	"sync"
)

// A line is one command under its rules.
type line struct {
	*checker
	c    *Command
	args Args
}

// given reports an option whose value isn't empty, or a flag.
func (l *line) given(flag string) bool {
	o, ok := l.args.Option(flag)
	return ok && (o.Value != "" || !o.Spec.TakesValue)
}

// listed reports a list that counts as given: one with something in it. RHEL 7 splits
// an empty value into a list of one empty item, and that counts.
func (l *line) listed(flag string) bool {
	return len(l.args.List(flag)) > 0 || l.released(RHEL7) && l.args.Has(flag)
}

// any reports whether one of the options is given.
func (l *line) any(flags ...string) bool { return slices.ContainsFunc(flags, l.given) }

// number is an option's number, 0 when it isn't given.
func (l *line) number(flag string) int64 {
	n, _ := parseIntOf(l.release, l.args.Value(flag))
	return n
}

// at is an option's place, or the command's.
func (l *line) at(flag string) Pos {
	if o, ok := l.args.Option(flag); ok {
		return o.Pos
	}
	return l.c.Pos
}

func (l *line) fail(at Pos, hint, format string, args ...any) {
	l.ps.Errorf(at, hint, l.c.Name+": "+format, args...)
}

// exclude reports two options that don't go together.
func (l *line) exclude(a, b string) {
	if l.given(a) && l.given(b) {
		l.fail(l.at(b), "leave one of them out", "%s and %s exclude each other", a, b)
	}
}

// need reports an option that doesn't go without another.
func (l *line) need(flag string, others ...string) {
	if l.given(flag) && !l.any(others...) {
		l.fail(l.at(flag), "", "%s needs %s", flag, strings.Join(others, " or "))
	}
}

// count checks the number of a command's words: from least to most; what names them.
func (l *line) count(words []Word, least, most int, what string) {
	switch n := len(words); {
	case n < least:
		l.fail(l.c.Pos, "", "needs %s", what)
	case n > most:
		l.fail(words[most].Pos, "quote a value that has blanks in it", "one word too many")
	}
}

// released reports whether the check is for one of these releases.
func (l *line) released(rs ...Release) bool { return slices.Contains(rs, l.release) }

// ruleTable is rules, made once.
var ruleTable = sync.OnceValue(rules)

// rules are the rules that a table of options can't hold, by command.
func rules() map[string]func(*line) {
	return map[string]func(*line){
		"autopart": (*line).autopart, "bootloader": (*line).bootloader, "btrfs": (*line).btrfs,
		"cmdline": (*line).cmdline, "device": (*line).deviceModule, "driverdisk": (*line).driverdisk,
		"eula": (*line).eula, "harddrive": (*line).harddrive, "ignoredisk": (*line).ignoredisk,
		"install": (*line).install, "keyboard": (*line).keyboard, "logging": (*line).logging,
		"logvol": (*line).logvol, "module": (*line).module, "mount": (*line).mount, "network": (*line).network,
		"nvdimm": (*line).nvdimm, "ostreesetup": (*line).ostreesetup, "part": (*line).part,
		"partition": (*line).part, "raid": (*line).raid, "repo": (*line).repo,
		"rescue": (*line).rescue, "rhsm": (*line).rhsm, "rootpw": (*line).rootpw,
		"services": (*line).services, "snapshot": (*line).snapshot, "sshpw": (*line).sshpw,
		"timesource": (*line).timesource, "timezone": (*line).timezone, "updates": (*line).updates,
		"url": (*line).url, "vnc": (*line).vnc, "volgroup": (*line).volgroup, "zfcp": (*line).zfcp,
	}
}

// RuleErrors are the errors in one command, taken alone, that a release's table of options
// can't hold. args are its words as Bind returned them, without an error.
func RuleErrors(file string, r Release, c *Command, args Args) []*Problem {
	rule := ruleTable()[c.Name]
	syntax, err := LookupSyntax(r)
	if rule == nil || err != nil {
		return nil
	}
	l := &line{checker: newChecker(file, r, syntax), c: c, args: args}
	rule(l)
	return Errors(l.ps.List)
}

// leftovers are the commands that look at words which no positional of the grammar
// took; with all others such a word is one too many.
func leftovers(name string) bool {
	return slices.Contains([]string{"btrfs", "device", "raid", "volgroup"}, name)
}
