package kickstart

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// lint warns of lines that Red Hat's parser accepts and that are surely wrong: an installer
// fails at them, or they do something other than they say.
func (c *checker) lint(f *File) {
	d := &linter{
		defined: map[string]bool{}, groups: map[string]bool{},
		used: map[string]int{}, mounts: map[string]*line{},
	}
	d.whole = len(f.Find("%include", "%ksappend")) == 0 && len(Errors(c.ps.List)) == 0
	for _, l := range c.read {
		d.define(l)
	}
	for _, l := range c.read {
		if c.ps.Full() {
			return
		}
		d.line(l)
	}
	if d.whole {
		d.disks(c.read)
	}
	for _, s := range f.Sections {
		c.lintScript(s)
	}
}

// A linter knows what the file defines.
type linter struct {
	whole   bool            // nothing is defined elsewhere: in an included file or a wrong line
	wiped   bool            // no old volume group is left
	defined map[string]bool // pv.NN, raid.NN, btrfs.NN
	groups  map[string]bool // volume groups
	used    map[string]int  // member -> line
	mounts  map[string]*line
}

func (d *linter) define(l *line) {
	switch l.c.Name {
	case "part", "partition", "raid", "logvol":
		d.defined[l.args.Taken[0][0].Text] = true
	case "volgroup":
		d.groups[l.args.Taken[0][0].Text] = true
	case "clearpart":
		d.wiped = l.args.Has("--all") && !l.args.Has("--drives") && !l.args.Has("--list")
	}
}

func (d *linter) line(l *line) {
	switch l.c.Name {
	case "rootpw", "user", "sshpw":
		l.lintHash()
	case "network":
		l.lintNetwork()
	case "raid":
		d.members(l)
		d.level(l)
		d.mount(l)
	case "volgroup", "btrfs":
		d.members(l)
	case "logvol":
		d.group(l)
		d.mount(l)
	case "part", "partition":
		d.size(l)
		d.mount(l)
	}
}

// memberForm are the names that only a line of the same file can give to a device.
var memberForm = regexp.MustCompile(`^(pv|raid|btrfs)\.`)

// members warns of members that are not defined, or used twice.
func (d *linter) members(l *line) {
	for _, m := range l.members() {
		first, again := d.used[m.Text]
		switch {
		case !memberForm.MatchString(m.Text) || l.args.Has("--subvol"):
			continue
		case again:
			l.ps.Warnf(m.Pos, "use each once", "%s: %s is used already in line %d", l.c.Name, Clip(m.Text), first)
		case d.whole && !d.defined[m.Text]:
			l.ps.Warnf(m.Pos, "add part "+Clip(m.Text)+" --size=MiB", "%s: %s is not defined in this file", l.c.Name, Clip(m.Text))
		}
		d.used[m.Text] = m.Pos.Line
	}
}

// level warns of an array with fewer members than its level needs (md(4)).
func (d *linter) level(l *line) {
	need := map[string]int64{"0": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 2}
	level := strings.TrimPrefix(strings.ToLower(l.args.Value("--level")), "raid")
	n := int64(len(l.members())) - max(0, l.number("--spares"))
	if !l.any("--useexisting", "--noformat") && n < need[level] {
		l.ps.Warnf(l.c.Pos, "add members, or choose another level", "raid: level %s needs %d members besides spares, here are %d", level, need[level], n)
	}
}

// group warns of a volume in a group that no line defines, and whose old version was
// wiped.
func (d *linter) group(l *line) {
	vg := l.args.Value("--vgname")
	if d.whole && d.wiped && !d.groups[vg] {
		l.ps.Warnf(l.at("--vgname"), "add volgroup "+Clip(vg), "logvol: the volume group %s is not defined in this file", Clip(vg))
	}
}

// size warns of a partition without a size. A tmpfs needs none; partitions for firmware
// have a default.
func (d *linter) size(l *line) {
	mount := l.args.Taken[0][0]
	sized := l.any("--size", "--grow", "--recommended", "--hibernation", "--onpart", "--noformat") ||
		l.args.Value("--fstype") == "tmpfs" || slices.Contains([]string{"biosboot", "prepboot", "appleboot"}, mount.Text)
	if !sized {
		l.ps.Warnf(l.c.Pos, "add --size=MiB", "%s %s has no size", l.c.Name, Clip(mount.Text))
	}
}

// mount warns of two kinds of device on one mount point. Red Hat's parser reports two
// devices of one kind.
func (d *linter) mount(l *line) {
	w := l.args.Taken[0][0]
	point := normalPath(w.Text)
	if !strings.HasPrefix(point, "/") {
		return
	}
	part := func(l *line) bool { return l.c.Name == "part" || l.c.Name == "partition" }
	first := d.mounts[point]
	switch {
	case first == nil:
		d.mounts[point] = l
	case !part(first) || !part(l):
		l.ps.Warnf(w.Pos, "leave one of them out", "%s: %s is mounted already by line %d", l.c.Name, Clip(point), first.c.Pos.Line)
	}
}

// lintScript warns of a script that the installer accepts and that can't run: one with
// arguments in --interpreter, which names a single file, or with another system's line ends.
func (c *checker) lintScript(s *Section) {
	if !isScript(s.Name) {
		return
	}
	args := BindSection(&Problems{}, c.release, c.syntax, s)
	o, ok := args.Option("--interpreter")
	if ok && strings.ContainsAny(o.Value, " \t") {
		c.ps.Warnf(o.ValuePos, "name the program alone", "%s: --interpreter takes no arguments", s.Name)
	}
	LineEnds(c.ps, c.release, s, cmp.Or(o.Value, "/bin/sh"))
}

// isScript reports whether a section is run.
func isScript(name string) bool {
	return slices.Contains([]string{"%pre", "%pre-install", "%post", "%onerror", "%traceback"}, name)
}

// LineEnds warns of a shell script whose lines end with CR LF, which a shell takes for a
// part of the line's last word. The lines of commands are read without the CR; Python and
// Perl do the same. An empty release stands for any.
func LineEnds(ps *Problems, r Release, s *Section, interpreter string) {
	if !strings.HasSuffix(interpreter, "sh") || !strings.Contains(s.Body, "\r\n") {
		return
	}
	var at Pos
	more := strings.Count(s.Body, "\r\n") - 1
	for i, line := range dialectOf(r).splitLines(s.Body) {
		if text, found := strings.CutSuffix(line, "\r\n"); found {
			at = Pos{s.BodyLine + i, utf8.RuneCountInString(text) + 1}
			break
		}
	}
	lines := "this line ends"
	if more > 0 {
		lines = fmt.Sprintf("this line and %d more end", more)
	}
	ps.Warnf(at, "save the file with plain line ends", "%s: %s with CR LF: a shell takes the CR for a part of the line", s.Name, lines)
}
