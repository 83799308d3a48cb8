package syslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rackhand/provision"
	"rackhand/provision/limit"
	"rackhand/provision/trace"
)

// Port is the syslog port, on UDP (RFC 5426) and, as installers use it, on TCP.
const Port = 514

// Bounds for one box, and for all boxes together.
const (
	bytesAUnit   = 128 // masking a line takes time in proportion to its length
	unitsASecond = 5000
	burst        = 20000 // units
	// For UDP, where senders aren't verified:
	udpUnitsASecond = 512 // units: 64 KB
	udpBurst        = 4096
	maxConns        = 512
	maxPerHost      = 16
	idle            = 30 * time.Minute // Anaconda may be silent while it waits for a disk
	cachedFor       = 2 * time.Second  // how long the install of an address is cached
	maxKnown        = 4096             // addresses
)

// An Install is the install that a line belongs to.
type Install struct {
	Host    string
	ID      string // "" when no install of the host is under way: then no line is stored
	Attempt int
	Known   func(string) string // masks the host's secrets; nil when it has none
}

// Progress is how far the packages of an install are.
type Progress struct {
	Install
	// N of Total packages are installed. Total is 0 when it is unknown; then N is
	// meaningless.
	N, Total int
	Package  string // the latest one
	Complete bool   // all of them are installed
	// Connected: the line came over TCP, so its sender has the address. A datagram's source
	// can be forged.
	Connected bool
}

// Options configure a receiver.
type Options struct {
	Listen netip.AddrPort
	// Admit reports whether a connection from an address comes from the host; nil: always.
	// It may block for a moment.
	Admit func(ctx context.Context, from netip.Addr) bool
	// Sender finds the install under way of the host at an address.
	Sender func(ctx context.Context, from netip.Addr) Install
	// Keep adds whole lines to an install's log; their secrets are masked. connected means
	// that they came over TCP, so their sender has the address.
	Keep func(id, text string, connected bool) error
	// Mask masks the secrets in a line.
	Mask func(line string, known func(string) string) string
	// OnProgress is called when the progress is worth an event.
	OnProgress func(p Progress) error
	Record     provision.Recorder
	// Trace takes each line, without its text; nil: they aren't traced.
	Trace func(trace.Fact)
	Clock func() time.Time
	Log   *slog.Logger
}

// A Server receives on one address.
type Server struct {
	Options
	reports *limit.Limiter

	mu sync.Mutex
	// known are the addresses with an install under way, as many as there are installs.
	// unknown are those without one, with the time until which that is believed. They are
	// separate, so that forged datagrams from many addresses don't displace known ones.
	known   map[netip.Addr]*sender
	unknown map[netip.Addr]time.Time
	tracks  map[string]*packageTracker // install and attempt
	conns   map[netip.Addr]int
	total   int
}

// A sender is the cached state of an address.
type sender struct {
	Install
	until    time.Time
	limit    *rate.Limiter
	udpLimit *rate.Limiter // by UDP
}

// New makes a receiver; Run opens its ports.
func New(o Options) *Server {
	return &Server{
		Options: o, reports: &limit.Limiter{}, known: map[netip.Addr]*sender{}, unknown: map[netip.Addr]time.Time{},
		tracks: map[string]*packageTracker{}, conns: map[netip.Addr]int{},
	}
}

// Sockets are a receiver's ports, open.
type Sockets struct {
	tcp net.Listener
	udp *net.UDPConn
}

// Open opens both ports.
func (s *Server) Open() (*Sockets, error) {
	tcp, err := net.Listen("tcp", s.Listen.String())
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.Listen))
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return &Sockets{tcp, udp}, nil
}

// Addresses are the addresses of the two ports.
func (x *Sockets) Addresses() (tcp, udp net.Addr) { return x.tcp.Addr(), x.udp.LocalAddr() }

// Close closes both ports.
func (x *Sockets) Close() error { return errors.Join(x.tcp.Close(), x.udp.Close()) }

// Run receives until ctx ends, and closes the ports.
func (s *Server) Run(ctx context.Context, x *Sockets) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = x.Close() })
	defer stop()
	failed := make(chan error, 2)
	var wg sync.WaitGroup
	wg.Go(func() { failed <- s.datagrams(ctx, x.udp) })
	wg.Go(func() { failed <- s.accept(ctx, x.tcp, &wg) })
	err := <-failed
	cancel()
	_ = x.Close()
	wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) datagrams(ctx context.Context, c *net.UDPConn) error {
	p := newParser()
	buf := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			// An ICMP error can only belong to an answer, and we send none. Go on after any
			// error.
			s.Log.Debug("receiving syslog", "error", err)
			continue
		}
		b := buf[:min(n, maxLine)]
		s.message(ctx, from.Addr().Unmap(), p, b, false)
	}
}

func (s *Server) accept(ctx context.Context, l net.Listener, wg *sync.WaitGroup) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return net.ErrClosed
		}
		if err != nil {
			s.Log.Error("accepting a syslog connection", "error", err)
			select { // no file descriptors left: wait until one is closed
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		from, err := netip.ParseAddrPort(c.RemoteAddr().String())
		addr := from.Addr().Unmap()
		if err != nil || !s.enter(addr) {
			c.Close()
			continue
		}
		wg.Go(func() {
			defer s.leave(addr)
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			s.stream(ctx, addr, c)
		})
	}
}

// enter counts a new connection, unless there are too many.
func (s *Server) enter(from netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxConns || s.conns[from] >= maxPerHost {
		return false
	}
	s.total++
	s.conns[from]++
	return true
}

func (s *Server) leave(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.conns[from]--; s.conns[from] <= 0 {
		delete(s.conns, from)
	}
}

func (s *Server) stream(ctx context.Context, from netip.Addr, c net.Conn) {
	p, f := newParser(), newFrames(c)
	if s.Admit != nil && (s.sender(ctx, from).ID == "" || !s.Admit(ctx, from)) {
		return
	}
	for {
		if s.sender(ctx, from).ID == "" {
			return // no install is under way at this address
		}
		if err := c.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return
		}
		b, err := f.next()
		if err != nil {
			if errors.Is(err, errFrame) {
				s.Log.Info("closing a syslog connection: its framing is invalid", "from", from.String())
			}
			return
		}
		s.message(ctx, from, p, b, true)
	}
}

// sender finds the install of an address; the result is cached for a moment.
func (s *Server) sender(ctx context.Context, from netip.Addr) Install {
	now := s.Clock()
	fresh := func(until time.Time) bool { return now.Before(until) && until.Sub(now) <= cachedFor }
	s.mu.Lock()
	k, unknown := s.known[from], s.unknown[from]
	s.mu.Unlock()
	if k != nil && fresh(k.until) {
		return k.Install
	}
	if fresh(unknown) {
		return Install{}
	}
	in, until := s.Sender(ctx, from), now.Add(cachedFor)
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.ID == "" {
		delete(s.known, from)
		if len(s.unknown) >= maxKnown {
			clear(s.unknown)
		}
		s.unknown[from] = until
		return in
	}
	delete(s.unknown, from)
	renewed := &sender{Install: in, until: until}
	if k = s.known[from]; k != nil {
		renewed.limit, renewed.udpLimit = k.limit, k.udpLimit
	} else {
		if len(s.known) >= maxKnown {
			clear(s.known)
		}
		renewed.limit, renewed.udpLimit = rate.NewLimiter(unitsASecond, burst), rate.NewLimiter(udpUnitsASecond, udpBurst)
	}
	s.known[from] = renewed
	return in
}

// message processes one message.
func (s *Server) message(ctx context.Context, from netip.Addr, p *parser, b []byte, connected bool) {
	in := s.sender(ctx, from)
	if in.ID == "" || !s.allow(ctx, from, in, 1+len(b)/bytesAUnit, connected) {
		return
	}
	m := p.parse(b)
	if m.Text == "" {
		return
	}
	if s.Trace != nil {
		s.Trace(trace.Log{Peer: from})
	}
	now := s.Clock()
	line := s.Mask(m.line(), in.Known)
	if err := s.Keep(in.ID, now.UTC().Format(time.RFC3339)+" "+line+"\n", connected); err != nil {
		s.report(in, "syslog-not-kept", fmt.Sprintf("the log of its installer can't be stored: %v", err))
	}
	for _, text := range embeddedLines(m.Text) {
		k, ok := s.news(in, text, connected, now)
		if !ok {
			continue
		}
		if !strings.Contains(s.Mask(text, in.Known), k.name) {
			k.name = "" // it is a secret, or a part of one
		}
		if err := s.OnProgress(Progress{in, k.n, k.total, k.name, k.complete, connected}); err != nil {
			s.Log.Debug("recording the progress of packages", "host", in.Host, "error", err)
		}
	}
}

// news reads a line. Lines that came by UDP, whose senders aren't verified, are tracked
// separately, so that they don't hide the progress that arrives over a connection.
func (s *Server) news(in Install, text string, connected bool, now time.Time) (mark, bool) {
	key := fmt.Sprintf("%s %d %v", in.ID, in.Attempt, connected)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tracks[key]
	if t == nil {
		if len(s.tracks) >= maxKnown {
			clear(s.tracks)
		}
		t = &packageTracker{}
		s.tracks[key] = t
	}
	return t.line(text, now)
}

// allow reports whether one more line of a box, of so many units, is accepted. A stream
// waits for its turn, and TCP makes its sender wait. Datagrams beyond the limit are
// dropped.
func (s *Server) allow(ctx context.Context, from netip.Addr, in Install, units int, connected bool) bool {
	s.mu.Lock()
	k := s.known[from]
	s.mu.Unlock()
	if k == nil {
		return false
	}
	now := s.Clock()
	if connected {
		r := k.limit.ReserveN(now, units)
		if d := r.DelayFrom(now); d > 0 {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
			case <-ctx.Done():
				return false
			}
		}
		return true
	}
	if k.udpLimit.AllowN(now, units) {
		return true
	}
	s.report(in, "syslog-flood", "its installer logs more than 64 KB a second by UDP, or another machine does in its name; the rest is dropped")
	return false
}

func (s *Server) report(in Install, kind, message string) {
	if !s.reports.Allow(in.Host+" "+kind, s.Clock()) {
		return
	}
	if err := s.Record.Record(provision.Event{Host: in.Host, Source: "syslog", Kind: kind, Level: provision.LevelWarn, Message: message}); err != nil {
		s.Log.Error("recording an event", "kind", kind, "error", err)
	}
}
