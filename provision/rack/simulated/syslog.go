package simulated

import (
	"context"
	"fmt"
	"net"
	"time"
)

// A syslog is the connection of Anaconda's rsyslog: TCP, RFC 3164, a line each.
type syslog struct{ c net.Conn }

func dialSyslog(ctx context.Context, to string) (*syslog, error) {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		host, port = to, "514"
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	return &syslog{c}, nil
}

// send sends a line. Like Anaconda, it continues if no server listens.
func (s *syslog) send(l logged) {
	_, _ = fmt.Fprintf(s.c, "<142>%s localhost %s: %s\n", time.Now().Format(time.Stamp), l.tag, l.text)
}

// say sends a line of Anaconda's main program.
func (s *syslog) say(prefix, format string, args ...any) {
	s.send(logged{mainTag, prefix + ": " + fmt.Sprintf(format, args...)})
}

func (s *syslog) close() { _ = s.c.Close() }
