package kickstart

import (
	"maps"
	"slices"
	"strings"
)

// A checker holds a file against a release's grammar and rules, line by line.
type checker struct {
	ps      *Problems
	release Release
	dialect dialect
	syntax  *Syntax
	read    []*line // the commands that have nothing wrong with them by themselves
	state   state
}

// state holds facts of earlier lines, against which later ones are checked.
type state struct {
	commands map[string]int            // command -> line of its first use
	names    map[string]map[string]int // kind -> name -> line

	// Settings of a command's earlier lines that stay in force unless later ones set them
	// again.
	autopartFS, autopartType string
	ignoredisk               map[string]bool
	harddrive                map[string]bool
	xlayouts                 bool
	services                 map[string]bool
}

func newChecker(name string, r Release, syntax *Syntax) *checker {
	return &checker{
		ps: &Problems{File: name}, release: r, dialect: dialectOf(r), syntax: syntax,
		state: state{
			commands: map[string]int{}, names: map[string]map[string]int{},
			ignoredisk: map[string]bool{}, harddrive: map[string]bool{}, services: map[string]bool{},
		},
	}
}

// seen enters a name of a kind, and returns the line where it was seen before, 0
// for the first time.
func (c *checker) seen(kind, name string, at Pos) int {
	if c.state.names[kind] == nil {
		c.state.names[kind] = map[string]int{}
	}
	first := c.state.names[kind][name]
	if first == 0 {
		c.state.names[kind][name] = at.Line
	}
	return first
}

func (c *checker) command(cmd *Command) {
	if cmd.Name == "%include" { // the included file is not read
		return
	}
	if cmd.Name == "%ksappend" {
		c.ps.Warnf(cmd.Pos, "put the lines themselves here", "%%ksappend: the appended file is not read here")
		return
	}
	spec := c.syntax.Commands[cmd.Name]
	status := ""
	if spec != nil {
		status = spec.Status
	}
	switch {
	case spec == nil:
		c.unknown(cmd)
		return
	case status == "removed":
		c.ps.Errorf(cmd.Pos, "leave it out", "%s has been removed from %s", cmd.Name, c.release)
		return
	case cmd.Name == "method" && status == "":
		c.ps.Errorf(cmd.Pos, "write url, nfs, cdrom or harddrive", "method can't be used in %s", c.release)
		return
	case status == "deprecated":
		c.ps.Warnf(cmd.Pos, "leave it out", "%s is deprecated in %s and has no effect", cmd.Name, c.release)
		return
	case cmd.Name == "auth" || cmd.Name == "authconfig":
		if c.release == RHEL8 || c.release == RHEL9 {
			c.ps.Warnf(cmd.Pos, "write authselect", "%s is deprecated in %s", cmd.Name, c.release)
		}
		return
	case cmd.Name == "authselect" || cmd.Name == "deviceprobe":
		return // free text
	case cmd.Name == "realm":
		c.realm(cmd)
		return
	}
	c.arguments(cmd, spec)
	c.conflicts(cmd)
}

// unknown reports a command that the release doesn't know.
func (c *checker) unknown(cmd *Command) {
	switch {
	case cmd.Continued:
		c.ps.NotContinued(cmd)
	case strings.HasPrefix(cmd.Name, "\ufeff"):
		c.ps.Errorf(cmd.Pos, "save the file as UTF-8 without it", "the file begins with a byte-order mark, which is taken for a part of the first command")
	default:
		hint := elsewhere(cmd.Name)
		if hint == "" {
			hint = DidYouMean(cmd.Name, slices.Sorted(maps.Keys(c.syntax.Commands)))
		}
		c.ps.Errorf(cmd.Pos, hint, "%s has no command %s", c.release, Clip(cmd.Name))
	}
}

// elsewhere is a hint that names the releases that have a command; "" when none has.
func elsewhere(command string) string {
	var in []string
	for _, r := range Releases() {
		if s, err := LookupSyntax(r); err == nil && s.Commands[command] != nil && s.Commands[command].Status != "removed" {
			in = append(in, string(r))
		}
	}
	if len(in) == 0 {
		return ""
	}
	return "it is known in " + strings.Join(in, ", ")
}

// arguments checks a command's words.
func (c *checker) arguments(cmd *Command, spec *CommandSpec) {
	before := len(c.ps.List)
	// On a volgroup, Red Hat's parser takes a word that is not an option for a member.
	args := Bind(c.ps, c.release, cmd.Name, spec, cmd.Words, cmd.Name == "volgroup")
	failed := func() bool { return len(Errors(c.ps.List[before:])) > 0 }
	if failed() {
		return // after a parse error it is unknown what is missing
	}
	checkRequired(c.ps, cmd, spec, args)
	if !leftovers(cmd.Name) {
		checkPositionals(c.ps, c.release, cmd, spec, args)
	}
	if failed() {
		return
	}
	l := &line{checker: c, c: cmd, args: args}
	if rule := ruleTable()[cmd.Name]; rule != nil {
		rule(l)
	}
	if !failed() {
		l.checkRepeats()
		c.read = append(c.read, l)
	}
}
