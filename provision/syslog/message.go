package syslog

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

// A Message is the stored part of a message. It has no time, since installers' clocks are
// not set yet.
type Message struct {
	Severity int    // 0 emergency .. 7 debug (RFC 5424, 6.2.1); notice when absent
	App      string // program; "" when absent
	Text     string // one line of printable text
}

const notice = 5

// A parser reads messages. It isn't safe for concurrent use.
type parser struct{ old, new syslog.Machine }

func newParser() *parser {
	return &parser{
		old: rfc3164.NewMachine(rfc3164.WithBestEffort(), rfc3164.WithYear(rfc3164.CurrentYear{}), rfc3164.WithRFC3339()),
		new: rfc5424.NewMachine(rfc5424.WithBestEffort()),
	}
}

// parse reads a message in either format. A line in neither format is kept unchanged: it
// may be the one that explains a failure.
func (p *parser) parse(b []byte) Message {
	b = []byte(clean(string(b), maxLine)) // characters that no message may have would stop its parser
	m := Message{Severity: notice}
	rest := b
	if n, after, ok := priority(b); ok {
		m.Severity, rest = n%8, after
	}
	var base *syslog.Base
	if bytes.HasPrefix(rest, []byte("1 ")) {
		if r, _ := p.new.Parse(b); r != nil {
			if x, ok := r.(*rfc5424.SyslogMessage); ok && x != nil {
				base = &x.Base
			}
		}
	} else if r, _ := p.old.Parse(b); r != nil {
		if x, ok := r.(*rfc3164.SyslogMessage); ok && x != nil {
			base = &x.Base
		}
	}
	if base != nil && base.Message != nil {
		m.Text = *base.Message
		if base.Appname != nil {
			m.App = clean(*base.Appname, 64)
		}
	} else {
		m.Text = string(rest)
	}
	m.Text = clean(strings.TrimPrefix(m.Text, "\ufeff"), maxLine)
	return m
}

// priority reads <n>, RFC 5424, 6.2.1.
func priority(b []byte) (n int, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != '<' {
		return 0, b, false
	}
	for i := 1; i <= 4 && i < len(b); i++ {
		switch c := b[i]; {
		case c == '>' && i > 1 && n <= 191:
			return n, b[i+1:], true
		case c < '0' || c > '9':
			return 0, b, false
		default:
			n = n*10 + int(c-'0')
		}
	}
	return 0, b, false
}

// clean makes one line of printable text, since text from outside is shown on terminals.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case r == utf8.RuneError, unicode.IsPrint(r):
			return r
		}
		return -1
	}, s))
}

var severities = [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// line is a message as a line of the log, without its time.
func (m Message) line() string {
	var b strings.Builder
	b.WriteString(severities[m.Severity&7])
	if m.App != "" {
		b.WriteString(" " + m.App + ":")
	}
	b.WriteString(" " + m.Text)
	return b.String()
}
