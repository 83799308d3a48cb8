// Package tftp serves boot programs to firmware (RFC 1350, with the options blksize and
// tsize of RFC 2348 and 2349; it ignores windowsize of RFC 7440). It is read-only, accepts
// clean relative paths only, bounds its work in progress, and repeats lost packets quickly.
package tftp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	pin "github.com/pin/tftp/v3"

	"rackhand/provision"
	"rackhand/provision/limit"
	"rackhand/provision/trace"
)

// refetchAfter is how long a second fetch of one file by one client causes no event. A box
// that boots again takes longer, so a client that fetches in a loop can't fill the journal.
const refetchAfter = 2 * time.Second

// maxPeers bounds the addresses whose host is looked up within a minute. Each lookup
// searches all leases.
const maxPeers = 1 << 16

// DefaultTransfers is how many transfers run at once unless Options says otherwise: enough
// for a rack that powers on, with a few kB of memory each. DefaultEach is the limit for one
// address. When all are in use, up to DefaultWaiters requests wait for up to
// DefaultPatience.
const (
	DefaultTransfers = 128
	DefaultEach      = 8
	DefaultWaiters   = 512
	DefaultPatience  = 10 * time.Second
)

// Options configure a server. Open and Record are required.
type Options struct {
	// Listen is the address and UDP port to serve; port 69 for firmware.
	Listen netip.AddrPort
	// Open opens the file that the client at peer asks for, and returns its size in bytes.
	// The name is a clean relative path: single slashes between its parts, none at its
	// ends, no part that is empty, "." or "..". An error that is fs.ErrNotExist or
	// bootfiles.ErrName means that there is no such file. A file may have a method Stage()
	// provision.Stage with the stage that its fetch moves a host to; others are boot
	// programs.
	Open func(ctx context.Context, peer netip.Addr, name string) (file io.ReadSeekCloser, size int64, err error)
	// Host returns the host (or the MAC) that holds an address; "" when it is unknown. Then
	// no event is recorded, so that unknown machines can't fill the journal. It may be
	// slow: it is called only for a report, a few times a minute for each address.
	Host func(netip.Addr) string
	// Known reports whether an address is one of the inventory's. It must be fast; nil: no
	// address is. Floods of other addresses don't suppress the events of these.
	Known func(netip.Addr) bool
	// Leased reports whether a DHCP client holds an address; nil: no address is leased.
	// Other addresses are sent one packet until they answer: see limitAmplification.
	Leased func(netip.Addr) bool
	// Ready is called once the server listens; nil: nothing is called.
	Ready func()
	// MTU is the biggest packet in bytes that reaches an address unfragmented, as far as
	// the inventory's `mtu:` says; 0 when unknown. nil means unknown for all. It is called
	// for each transfer.
	MTU func(netip.Addr) int
	// Record takes the events fetch, fetch-failed, fetch-stopped and no-such-file.
	Record provision.Recorder
	// Flood bounds the events a minute; nil makes a new one.
	Flood *provision.Flood
	// Trace takes each request and its end; nil: none is traced.
	Trace func(trace.Fact)
	Clock func() time.Time // time.Now when nil
	Log   *slog.Logger     // discarded when nil
	// MaxTransfers is how many transfers run at once, MaxEach how many of them for one
	// address. A request over the limit waits for up to Patience. It is refused with a
	// request to try again when its turn hasn't come by then, or when MaxWaiters requests
	// wait already. 0 means the default.
	MaxTransfers, MaxEach, MaxWaiters int
	Patience                          time.Duration
}

// A Server serves boot files over TFTP.
type Server struct {
	Options
	gate    gate
	logged  limit.Limiter // offenders in the log
	failed  limit.Limiter // offenders in events, of addresses that aren't known
	fetched limit.Limiter // recorded fetches
}

// New makes a server; Run starts it.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Flood == nil {
		o.Flood = provision.NewFlood(o.Clock)
	}
	for _, d := range []struct {
		limit *int
		usual int
	}{{&o.MaxTransfers, DefaultTransfers}, {&o.MaxEach, DefaultEach}, {&o.MaxWaiters, DefaultWaiters}} {
		if *d.limit <= 0 {
			*d.limit = d.usual
		}
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Host == nil {
		o.Host = func(netip.Addr) string { return "" }
	}
	if o.Known == nil {
		o.Known = func(netip.Addr) bool { return false }
	}
	if o.Leased == nil {
		o.Leased = func(netip.Addr) bool { return false }
	}
	return &Server{
		Options: o,
		gate:    gate{most: o.MaxTransfers, each: o.MaxEach, maxWaiting: o.MaxWaiters, patience: o.Patience},
		failed:  limit.Limiter{Most: maxPeers},
		fetched: limit.Limiter{Every: refetchAfter},
	}
}

// Run listens and serves until ctx ends. Then it ends all transfers and returns nil. An
// error means that it could not listen.
func (s *Server) Run(ctx context.Context) error {
	conn, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	if s.Ready != nil {
		s.Ready()
	}
	return s.Serve(ctx, conn)
}

// Serve is Run on an open connection, which it closes.
func (s *Server) Serve(ctx context.Context, conn *net.UDPConn) error {
	// EnableSinglePort and SetAnticipate must never be used: with them a duplicate ACK or a
	// read error ends the process.
	srv := pin.NewServer(
		func(name string, rf io.ReaderFrom) error { return s.read(ctx, name, rf) },
		func(name string, wt io.WriterTo) error { return s.write(name, wt) })
	srv.SetHook(hook{s})
	srv.SetTimeout(firstWait)
	srv.SetRetries(retries)
	srv.SetBackoff(backoff(ctx))

	served := make(chan error, 1)
	go func() { served <- srv.Serve(conn) }()
	select {
	case err := <-served:
		conn.Close()
		return fmt.Errorf("serve TFTP on %s: %w", conn.LocalAddr(), err)
	case <-ctx.Done():
		// Closing the connection alone doesn't end Serve: it would loop.
		srv.Shutdown()
		<-served
		return nil
	}
}

// read answers a read request. It must either call ReadFrom or return an error, otherwise
// the library leaks the transfer's socket. The error's text goes to the client.
func (s *Server) read(ctx context.Context, raw string, rf io.ReaderFrom) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("tftp: panic while serving a file", "name", quoted(raw), "panic", p)
			err = errServer
		}
	}()
	from := peerOf(rf)
	peer := from.Addr()
	s.prepare(rf, peer)
	ticket, err := s.gate.enter(ctx, from, s.Clock)
	if err != nil {
		s.logLimited(slog.LevelWarn, "", "tftp: busy, refused a transfer", "peer", peer, "transfers", s.MaxTransfers, "of one address", s.MaxEach)
		s.trace(peer, raw, trace.TFTPRefused, 0, 0, 0, err)
		return err
	}
	defer s.gate.release(ticket)
	if ticket.state == duplicate {
		s.trace(peer, raw, trace.TFTPRepeated, 0, 0, 0, nil)
		return drop(rf)
	}
	name, err := cleanName(raw)
	if err != nil {
		s.logLimited(slog.LevelInfo, peer.String(), "tftp: refused a name", "peer", peer, "name", quoted(raw), "why", err)
		s.trace(peer, raw, trace.TFTPRefused, 0, 0, 0, err)
		s.noSuchFile(peer, shown(raw))
		return errNoFile
	}
	file, size, err := s.Open(ctx, peer, name)
	if err != nil {
		told := s.refuse(peer, name, err)
		s.trace(peer, name, trace.TFTPRefused, 0, 0, 0, told)
		return told
	}
	defer file.Close()

	began := s.Clock()
	s.trace(peer, name, trace.TFTPBegan, 0, size, 0, nil)
	src := &source{ReadSeeker: file, ctx: ctx, clock: s.Clock, onAck: ticket.ackedAt}
	s.limitAmplification(rf, src, peer)
	sent, err := sendFile(rf, src)
	took := s.Clock().Sub(began)
	if err != nil && !src.lastAckLost(err) {
		s.trace(peer, name, trace.TFTPStopped, src.taken, size, took, err)
	}
	switch {
	case err == nil:
	case src.lastAckLost(err):
		took = src.ended.Sub(began)
		s.Log.Debug("tftp: all sent, but the last acknowledgement is missing", "peer", peer, "name", name)
	case ctx.Err() != nil:
		return err // the server stops, not the client
	case src.fault != nil:
		return s.refuse(peer, name, src.fault)
	default:
		s.stopped(peer, stoppedTransfer{name, stageOf(file), src, size, blockSize(rf), ticket.elsewhere(began)}, err)
		return err
	}
	s.trace(peer, name, trace.TFTPSent, sent, size, took, nil)
	s.sent(peer, name, stageOf(file), sent, took)
	return nil
}

// write refuses a client that wants to upload a file.
func (s *Server) write(raw string, wt io.WriterTo) error {
	peer := peerOf(wt).Addr()
	s.logLimited(slog.LevelWarn, peer.String(), "tftp: refused to take a file", "peer", peer, "name", quoted(raw))
	s.trace(peer, raw, trace.TFTPRefused, 0, 0, 0, errReadOnly)
	return errReadOnly
}

// sent reports a completed fetch.
func (s *Server) sent(peer netip.Addr, name string, stage provision.Stage, sent int64, took time.Duration) {
	// The host is looked up first, so that many unknown clients can't suppress the event of
	// a host's fetch, which moves its install.
	host := s.Host(peer)
	if host == "" {
		s.logLimited(slog.LevelInfo, peer.String(), "tftp: sent", "peer", peer, "name", name, "bytes", sent, "took", took)
		return
	}
	if !s.fetched.Allow(peer.String()+" "+name, s.Clock()) || !s.Flood.Allow("tftp fetch", host, "") {
		return
	}
	s.Log.Info("tftp: sent", "peer", peer, "host", host, "name", name, "bytes", sent, "took", took)
	s.record(provision.Event{
		Host: host, Kind: "fetch", Stage: stage,
		Message: fmt.Sprintf("fetched %s, %d bytes", name, sent),
		Fields: map[string]string{
			"name": name, "address": peer.String(), "bytes": strconv.FormatInt(sent, 10),
			"milliseconds": strconv.FormatInt(took.Milliseconds(), 10),
		},
	})
}

// stageOf is the stage that a fetch moves a host to: the file's own, or that of boot
// programs.
func stageOf(file any) provision.Stage {
	if f, ok := file.(interface{ Stage() provision.Stage }); ok {
		return f.Stage()
	}
	return provision.Bootfile
}

// record records an event about a known host.
func (s *Server) record(e provision.Event) {
	if e.Host == "" {
		return
	}
	e.Source, e.Time = "tftp", s.Clock()
	if err := s.Record.Record(e); err != nil {
		s.Log.Error("tftp: event not kept", "host", e.Host, "kind", e.Kind, "error", err)
	}
}

// peerOf is the client's address and port; invalid when the library doesn't report them.
func peerOf(transfer any) netip.AddrPort {
	t, ok := transfer.(interface{ RemoteAddr() net.UDPAddr })
	if !ok {
		return netip.AddrPort{}
	}
	remote := t.RemoteAddr()
	from := remote.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}
