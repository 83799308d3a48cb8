package kickstart

import "strings"

// realm has a check of its own: Red Hat's parser gives its whole line to Python's
// getopt. So a comment is read as words, the line must not be indented, and options
// stand before the realm.
func (c *checker) realm(cmd *Command) {
	l := &line{checker: c, c: cmd}
	if c.state.names["realm"] != nil {
		l.fail(cmd.Pos, "leave it out", "a second realm join")
	}
	if !strings.HasPrefix(cmd.Line, "realm") {
		l.fail(cmd.Pos, "begin the line with it", "an installer can't read this command when it is indented or quoted")
		return
	}
	words, _, err := splitWords(cmd.Line, cmd.Pos.Line, false)
	switch {
	case err != nil:
		l.fail(cmd.Pos, "leave the comment out", "an installer reads a comment on this line as words, and this one has an open quote")
		return
	case len(words) < 2 || words[1].Text != "join":
		l.fail(cmd.Pos, "write realm join REALM", "only join is known")
		return
	}
	rest, ok := l.getopt(words[2:])
	if !ok {
		return
	}
	switch {
	case len(rest) != 1:
		l.fail(cmd.Pos, "options come before it, and the line has no comment", "join needs exactly one realm")
	case rest[0].Text != "": // an empty one doesn't count as joined
		l.seen("realm", rest[0].Text, cmd.Pos)
	}
}

// getopt reads the options before the realm, and returns what follows them.
func (l *line) getopt(words []Word) ([]Word, bool) {
	options := &CommandSpec{Options: []OptionSpec{
		{Flags: []string{"--client-software"}, TakesValue: true},
		{Flags: []string{"--server-software"}, TakesValue: true},
		{Flags: []string{"--membership-software"}, TakesValue: true},
		{Flags: []string{"--one-time-password"}, TakesValue: true},
		{Flags: []string{"--no-password"}},
		{Flags: []string{"--computer-ou"}, TakesValue: true},
	}}
	for len(words) > 0 && len(words[0].Text) > 1 && words[0].Text[0] == '-' {
		w := words[0]
		words = words[1:]
		if w.Text == "--" {
			break
		}
		flag, _, given := strings.Cut(w.Text, "=")
		switch o, _ := options.Find(flag); {
		case o == nil:
			l.fail(w.Pos, DidYouMean(flag, options.flags()), "join has no such option")
			return nil, false
		case !o.TakesValue && given:
			l.fail(w.Pos, "", "%s takes no value", o.Flags[0])
			return nil, false
		case o.TakesValue && !given && len(words) == 0:
			l.fail(w.Pos, "", "%s needs a value", o.Flags[0])
			return nil, false
		case o.TakesValue && !given:
			words = words[1:]
		}
	}
	return words, true
}
