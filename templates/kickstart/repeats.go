package kickstart

import (
	"cmp"
	"slices"
	"strings"
)

// A second line for one thing is usually a mistake: the installer adds it to the first
// line, or replaces that. The functions here say which thing a line defines. Red Hat's
// parser is less exact; for it, two VLANs on one card are one thing. There is no warning
// where the installer makes two things of two lines.

// warnRepeat warns of a second line for a thing.
func (l *line) warnRepeat(kind, name string, at Word) {
	first := l.seen(kind, name, at.Pos)
	switch {
	case first != 0 && name == "":
		l.ps.Warnf(at.Pos, "leave one of them out", "%s: a second %s without a name; the first is in line %d", l.c.Name, kind, first)
	case first != 0:
		l.ps.Warnf(at.Pos, "leave one of them out", "%s: a second %s %s; the first is in line %d", l.c.Name, kind, Clip(name), first)
	}
}

// refuseRepeat refuses a second line for a thing, as RHEL 7 does for some commands.
func (l *line) refuseRepeat(kind, name string, at Pos) {
	if first := l.seen(kind, name, at); first != 0 {
		l.fail(at, "leave one of them out", "a second %s; the first is in line %d", kind, first)
	}
}

// checkRepeats warns of things that are defined twice.
func (l *line) checkRepeats() {
	for _, n := range []struct{ command, flag, kind string }{
		{"user", "--name", "user"},
		{"group", "--name", "group"},
		{"fcoe", "--nic", "line for card"},
	} {
		if l.c.Name == n.command {
			name := l.args.Value(n.flag)
			l.warnRepeat(n.kind, name, Word{name, l.at(n.flag)})
		}
	}
	switch l.c.Name {
	case "device":
		l.warnRepeat("module", l.args.Extra[0].Text, l.args.Extra[0])
	case "dmraid":
		key := l.args.Value("--name")
		for _, o := range l.args.Options {
			if o.Name() == "--dev" {
				key += " " + o.Value
			}
		}
		l.warnRepeat("array", key, Word{key, l.c.Pos})
	case "network":
		l.device()
	case "sshkey", "sshpw":
		l.login()
	}
}

// mounted reports whether a part's mount point is a path. Other words name the partition's
// use. Anaconda makes as many of those as there are lines (custom_partitioning.py): a
// mirrored disk has a biosboot on each half.
func mounted(point string) bool {
	return !slices.Contains([]string{"swap", "biosboot", "prepboot", "appleboot", "None"}, point)
}

// device warns of a second line for a network device. A line with --vlanid makes a
// device of its own on top of that which --device names; one that says a host name and
// nothing else is about no device (Anaconda's network/kickstart.py). RHEL 7 lets any
// number of lines be about the device that it boots from.
func (l *line) device() {
	name := l.args.Value("--device")
	at := l.at("--device")
	switch {
	case l.given("--vlanid"):
		id := strings.TrimSpace(l.args.Value("--vlanid"))
		name = cmp.Or(l.args.Value("--interfacename"), name+"."+id)
		at = l.at("--vlanid")
	case name == "" && (l.released(RHEL7) || len(l.args.Options) == 1 && l.args.Has("--hostname")):
		return
	}
	l.warnRepeat("line for device", name, Word{name, at})
}

// login warns of a second password of a user. A user may have several keys, in
// sshkey lines and in sshpw lines with --sshkey, but each once.
func (l *line) login() {
	name := l.args.Value("--username")
	what, key := "password", ""
	if l.c.Name == "sshkey" || l.args.Has("--sshkey") {
		what = "key"
		for _, w := range l.args.Positionals {
			key += " " + w.Text
		}
	}
	at := l.at("--username")
	switch {
	case l.released(RHEL7):
		l.refuseRepeat(l.c.Name+" for user "+Clip(name), "", at)
	case l.seen(l.c.Name+" "+what, name+key, at) != 0:
		first := l.state.names[l.c.Name+" "+what][name+key]
		l.ps.Warnf(at, "leave one of them out", "%s: this %s of user %s is in line %d already", l.c.Name, what, Clip(name), first)
	}
}
