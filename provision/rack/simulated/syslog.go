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

// say sends a line. Anaconda goes on when nobody listens.
func (s *syslog) say(app, format string, args ...any) {
	_, _ = fmt.Fprintf(s.c, "<14>%s localhost %s[1523]: INFO:anaconda: %s\n", time.Now().Format(time.Stamp), app, fmt.Sprintf(format, args...))
}

func (s *syslog) close() { _ = s.c.Close() }
