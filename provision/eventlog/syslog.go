package eventlog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
)

const (
	// facility is daemon (RFC 5424 section 6.2.1).
	facility = 3
	// maxMessage bounds a message, in bytes: the size that receivers should take (section 6.1).
	maxMessage = 2048
	// sdID is the name of our structured data. 32473 is the number for examples (RFC 5612);
	// rackhand has none of its own.
	sdID = "rackhand@32473"
	// sendPatience bounds the sending of one message.
	sendPatience = 10 * time.Second
)

// Syslog sends events to a syslog server: RFC 5424, over UDP (RFC 5426), TCP (RFC 6587, with
// the length before each message) or a unix datagram socket.
type Syslog struct {
	Network, Address string // udp, tcp or unixgram
	Host             string // this machine's name

	conn net.Conn
}

// Name implements Sink.
func (s *Syslog) Name() string { return "syslog" }

// Write implements Sink. Over UDP nothing says whether a message arrived.
func (s *Syslog) Write(ctx context.Context, e provision.Event) error {
	text := Message(e, s.Host, os.Getpid())
	if s.conn == nil {
		var d net.Dialer
		ctx, cancel := context.WithTimeout(ctx, sendPatience)
		defer cancel()
		conn, err := d.DialContext(ctx, s.Network, s.Address)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	if s.Network == "tcp" {
		text = fmt.Sprintf("%d %s", len(text), text)
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(sendPatience))
	if _, err := s.conn.Write([]byte(text)); err != nil {
		_ = s.Close() // half a message may be out: the next one begins on a new connection
		return err
	}
	return nil
}

// Close implements Sink.
func (s *Syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	conn := s.conn
	s.conn = nil
	return conn.Close()
}

var notOfName = regexp.MustCompile(`[^!#-<>-\\^-~]`)

// Message is an event as a message of RFC 5424.
func Message(e provision.Event, host string, pid int) string {
	severity := 6 // informational
	switch e.Level {
	case provision.LevelWarn:
		severity = 4
	case provision.LevelError:
		severity = 3
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>1 %s %s rackhand %d %s [%s", facility*8+severity, e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
		name(host, 255), pid, name(e.Kind, 32), sdID)
	pair := func(key, value string) {
		if value != "" && b.Len()+len(key)+2*len(value) < maxMessage*3/4 {
			fmt.Fprintf(&b, ` %s="%s"`, name(key, 32), escaped.Replace(strings.ToValidUTF8(value, "?")))
		}
	}
	pair("seq", fmt.Sprint(e.Seq))
	pair("source", e.Source)
	pair("host", e.Host)
	pair("install", e.Install)
	pair("stage", string(e.Stage))
	for _, key := range slices.Sorted(maps.Keys(e.Fields)) {
		pair("field."+key, e.Fields[key])
	}
	b.WriteString("] ")
	text := strings.ToValidUTF8(e.Message, "?")
	for len(text) > max(0, maxMessage-b.Len()) {
		text = strings.ToValidUTF8(text[:max(0, maxMessage-b.Len())], "")
	}
	b.WriteString(text)
	return b.String()
}

// escaped writes a parameter's value (section 6.3.3).
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`, "\n", " ", "\r", " ", "\x00", " ")

// name makes a header's field or a parameter's name: printable ASCII without space, =, ] and ",
// at most so many bytes; - for none.
func name(text string, most int) string {
	text = notOfName.ReplaceAllString(text, "_")
	return cmp.Or(text[:min(len(text), most)], "-")
}
