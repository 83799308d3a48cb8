// Package tftp serves boot programs to firmware (RFC 1350, with the options
// blksize and tsize of RFC 2348 and 2349; windowsize of RFC 7440 isn't known and
// left out of the answer). It only reads, knows clean relative paths only, bounds
// how much it does at once, and is quick to send again what a link has lost.
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
)

// fetchQuiet is how long a second fetch of one file by one client leaves no event: a
// box that boots anew takes longer, and who fetches in a loop fills no journal.
const fetchQuiet = 2 * time.Second

// maxPeers is of how many addresses within a minute it is asked whose they are: that
// costs a look at all leases.
const maxPeers = 1 << 16

// DefaultTransfers is how many transfers run at once when Options doesn't say:
// a rack that powers on together, and a few kB of memory each. DefaultEach is how
// many of them are of one address. Who comes when all are taken waits for up to
// DefaultPatience, and up to DefaultWaiters wait.
const (
	DefaultTransfers = 128
	DefaultEach      = 8
	DefaultWaiters   = 512
	DefaultPatience  = 10 * time.Second
)

// Options are what a server is made of. Open and Record must be set.
type Options struct {
	// Listen is the address and UDP port to serve; port 69 for firmware.
	Listen netip.AddrPort
	// Open opens what the client at peer asks for, and tells its size in bytes. The
	// name is a clean path below nothing: folders, if any, with single slashes
	// between them, none at its ends, no part that is empty, "." or "..". An error
	// that is fs.ErrNotExist or bootfiles.ErrName means that there is none. A file with
	// a method Stage() provision.Stage says what stage its fetch takes a host to; others
	// are boot programs.
	Open func(ctx context.Context, peer netip.Addr, name string) (file io.ReadSeekCloser, size int64, err error)
	// Host names the host (or the MAC) that holds an address; "" when nobody is
	// known to: then no event is recorded, so that strangers can't fill the journal. It
	// may take its time, for it is asked when there is something to tell, once a minute
	// for each offender.
	Host func(netip.Addr) string
	// Leased reports whether a client of DHCP holds an address; nil: none does. Other
	// addresses are sent one packet until they answer: see distrust.
	Leased func(netip.Addr) bool
	// MTU is the biggest packet in bytes that goes to an address whole, as far as is
	// known beside the link's own (the inventory's `mtu:`); 0: nothing is known. nil
	// says nothing either. It is asked for each transfer.
	MTU func(netip.Addr) int
	// Record takes the events fetch, fetch-failed and fetch-stopped.
	Record provision.Recorder
	// Flood bounds how many a minute; one of our own when nil.
	Flood *provision.Flood
	Clock func() time.Time // time.Now when nil
	Log   *slog.Logger     // discarded when nil
	// MaxTransfers is how many transfers run at once, MaxEach how many of them are of
	// one address. A request over the limit waits for up to Patience, and is told to
	// try again when its turn hasn't come by then, or when MaxWaiters wait already.
	// Each has its default when it is 0.
	MaxTransfers, MaxEach, MaxWaiters int
	Patience                          time.Duration
}

// A Server serves boot files over TFTP.
type Server struct {
	Options
	gate    gate
	quiet   provision.Quiet // offenders, in the log
	failed  provision.Quiet // those of which an event may tell
	fetched provision.Quiet // fetches that have left an event
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
	if o.Leased == nil {
		o.Leased = func(netip.Addr) bool { return false }
	}
	return &Server{
		Options: o,
		gate:    gate{most: o.MaxTransfers, each: o.MaxEach, room: o.MaxWaiters, patience: o.Patience},
		failed:  provision.Quiet{Most: maxPeers},
		fetched: provision.Quiet{Every: fetchQuiet},
	}
}

// Run listens and serves until ctx ends, then breaks off the transfers under way
// and returns nil once they are gone. An error means that it could not listen.
func (s *Server) Run(ctx context.Context) error {
	conn, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	return s.Serve(ctx, conn)
}

// Serve is Run on a connection that is open already; it closes it.
func (s *Server) Serve(ctx context.Context, conn *net.UDPConn) error {
	// Neither EnableSinglePort nor SetAnticipate may ever be switched on: a
	// duplicate ACK or a read error ends the process there.
	srv := pin.NewServer(
		func(name string, rf io.ReaderFrom) error { return s.read(ctx, name, rf) },
		func(name string, wt io.WriterTo) error { return s.write(name, wt) })
	srv.SetHook(garbage{s})
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
		// Closing the connection alone doesn't end Serve: it would spin.
		srv.Shutdown()
		<-served
		return nil
	}
}

// read answers one read request. It must either call ReadFrom or return an
// error: the library leaks the transfer's socket otherwise. The error's text goes
// to the client.
func (s *Server) read(ctx context.Context, raw string, rf io.ReaderFrom) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("tftp: panic while serving a file", "name", show(raw), "panic", p)
			err = errServer
		}
	}()
	from := peerOf(rf)
	peer := from.Addr()
	s.prepare(rf, peer)
	ticket, err := s.gate.enter(ctx, from, s.Clock)
	if err != nil {
		s.say(slog.LevelWarn, "", "tftp: busy, refused a transfer", "peer", peer, "transfers", s.MaxTransfers, "of one address", s.MaxEach)
		return err
	}
	defer s.gate.leave(ticket)
	if ticket.state == repeats {
		return drop(rf)
	}
	name, err := cleanName(raw)
	if err != nil {
		s.say(slog.LevelInfo, peer.String(), "tftp: refused a name", "peer", peer, "name", show(raw), "why", err)
		return errNoFile
	}
	file, size, err := s.Open(ctx, peer, name)
	if err != nil {
		return s.refuse(peer, name, err)
	}
	defer file.Close()

	began := s.Clock()
	src := &source{ReadSeeker: file, ctx: ctx, clock: s.Clock, heard: ticket.heard}
	s.distrust(rf, src, peer)
	sent, err := send(rf, src)
	took := s.Clock().Sub(began)
	switch {
	case err == nil:
	case src.unheard(err):
		took = src.ended.Sub(began)
		s.Log.Debug("tftp: all sent, the last acknowledgement never came", "peer", peer, "name", name)
	default:
		s.stopped(peer, name, sent, size, err)
		return err
	}
	s.sent(peer, name, stageOf(file), sent, took)
	return nil
}

// write refuses a client that wants to put a file here.
func (s *Server) write(raw string, wt io.WriterTo) error {
	peer := peerOf(wt).Addr()
	s.say(slog.LevelWarn, peer.String(), "tftp: refused to take a file", "peer", peer, "name", show(raw))
	return errReadOnly
}

// sent reports a file that a client has fetched.
func (s *Server) sent(peer netip.Addr, name string, stage provision.Stage, sent int64, took time.Duration) {
	// Who it is comes first: no crowd of strangers keeps a host's fetch, which moves its
	// install, from being told.
	host := s.Host(peer)
	if host == "" {
		s.say(slog.LevelInfo, peer.String(), "tftp: sent", "peer", peer, "name", name, "bytes", sent, "took", took)
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

// stageOf is where a box is that has fetched a file: what the file says of itself, or
// the boot program's stage.
func stageOf(file any) provision.Stage {
	if f, ok := file.(interface{ Stage() provision.Stage }); ok {
		return f.Stage()
	}
	return provision.Bootfile
}

// record writes an event about a known host.
func (s *Server) record(e provision.Event) {
	if e.Host == "" {
		return
	}
	e.Source, e.Time = "tftp", s.Clock()
	if err := s.Record.Record(e); err != nil {
		s.Log.Error("tftp: event not kept", "host", e.Host, "kind", e.Kind, "error", err)
	}
}

// peerOf is the client's address and port; invalid when the library doesn't tell.
func peerOf(transfer any) netip.AddrPort {
	t, ok := transfer.(interface{ RemoteAddr() net.UDPAddr })
	if !ok {
		return netip.AddrPort{}
	}
	remote := t.RemoteAddr()
	from := remote.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}
