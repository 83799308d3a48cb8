package installer

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A remoteLog sends the installer's lines to a syslog host (`logging --host`): by
// TCP, as Anaconda does, otherwise by UDP. The install never waits for it. Lines are lost
// when the queue is full and while the host doesn't listen.
type remoteLog struct {
	addr  string // host:port
	tag   string // the name of this box: its MAC until it has a host name
	now   func() time.Time
	queue chan string
	once  sync.Once
	done  chan struct{}
}

const syslogPort = "514"

func newRemoteLog(host, port, tag string, now func() time.Time) *remoteLog {
	if port == "" {
		port = syslogPort
	}
	return &remoteLog{addr: net.JoinHostPort(host, port), tag: tag, now: now, queue: make(chan string, 4096), done: make(chan struct{})}
}

// add queues a line.
func (l *remoteLog) add(line string) {
	select {
	case l.queue <- line:
	default:
	}
}

// syslogLine is a line in the syntax of RFC 5424: facility user, severity
// informational; unknown fields are "-".
func syslogLine(at time.Time, host string, pid int, line string) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)
	return fmt.Sprintf("<14>1 %s %s rackhand-installer %d - - %s", at.UTC().Format("2006-01-02T15:04:05.000Z"), host, pid, report.ClipText(line, 1000))
}

// Run sends what is queued until the queue is closed or the context ends.
func (l *remoteLog) Run(ctx context.Context) error {
	defer close(l.done)
	var (
		conn  net.Conn
		retry time.Time
		err   error
	)
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for {
		var line string
		var ok bool
		select {
		case line, ok = <-l.queue:
			if !ok {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		if conn == nil && l.now().Before(retry) {
			continue
		}
		if conn == nil {
			if conn, err = l.dial(ctx); err != nil {
				retry = l.now().Add(10 * time.Second)
				continue
			}
		}
		text := syslogLine(l.now(), l.tag, os.Getpid(), line)
		if conn.RemoteAddr().Network() == "tcp" {
			text += "\n" // RFC 6587, 3.4.2: as rsyslog and Anaconda send
		}
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err = conn.Write([]byte(text)); err != nil {
			_ = conn.Close()
			conn = nil
			retry = l.now().Add(time.Second)
		}
	}
}

func (l *remoteLog) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: 3 * time.Second}
	if c, err := d.DialContext(ctx, "tcp", l.addr); err == nil {
		return c, nil
	}
	return d.DialContext(ctx, "udp", l.addr)
}

// close ends the log and waits up to d for what is queued to be sent. Nothing may be
// added after it.
func (l *remoteLog) close(d time.Duration) {
	l.once.Do(func() { close(l.queue) })
	select {
	case <-l.done:
	case <-time.After(d):
	}
}

// logTo sends the console's lines to the Kickstart's syslog host as well.
func (m *machine) logTo(ctx context.Context, r *plan.Recipe) {
	if r.LogHost == "" {
		return
	}
	tag := "-"
	if nics := hardware.FindNICs("/sys"); len(nics) > 0 {
		tag = nics[0].MAC
	}
	if r.Host() != "" {
		tag = r.Host()
	}
	l := newRemoteLog(r.LogHost, r.LogPort, tag, m.clk.Now)
	m.log = l
	go func() { _ = l.Run(ctx) }() // ends with close
	m.Con.SetSink(l.add)
}

// closeLog sends what is left.
func (m *machine) closeLog() {
	if m.log != nil {
		m.Con.SetSink(nil)
		m.log.close(5 * time.Second)
	}
}
