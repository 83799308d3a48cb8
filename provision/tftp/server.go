// Package tftp serves boot programs to firmware (RFC 1350, with the options
// blksize and tsize of RFC 2348 and 2349). It only reads, knows plain file names
// only, and bounds how much it does at once.
package tftp

import (
	"context"
	"errors"
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

// How a transfer waits for its client: a block is sent again after a second, and
// the client is given up after retries more. The library's own 5 s with a random
// pause on top cost a booting box half a minute for two lost packets.
const (
	blockTimeout = time.Second
	blockRetries = 5
)

// DefaultTransfers is how many transfers run at once when Options doesn't say:
// a rack that powers on together, and a few kB of memory each.
const DefaultTransfers = 128

// Options are what a server is made of. Open and Record must be set.
type Options struct {
	// Listen is the address and UDP port to serve; port 69 for firmware.
	Listen netip.AddrPort
	// Open opens what the client at peer asks for, and tells its size in bytes. The
	// name is a clean path below nothing: folders, if any, with single slashes
	// between them, none at its ends, no part that is empty, "." or "..". An error
	// that is fs.ErrNotExist or bootfiles.ErrName means that there is none.
	Open func(ctx context.Context, peer netip.Addr, name string) (file io.ReadSeekCloser, size int64, err error)
	// Host names the host (or the MAC) that holds an address; "" when nobody is
	// known to: then no event is recorded, so that strangers can't fill the journal.
	Host func(netip.Addr) string
	// Record takes the events fetch, fetch-failed and fetch-stopped.
	Record provision.Recorder
	Clock  func() time.Time // time.Now when nil
	Log    *slog.Logger     // discarded when nil
	// MaxTransfers is how many transfers run at once; DefaultTransfers when 0.
	// Who comes when all are taken is told to try again.
	MaxTransfers int
}

// A Server serves boot files over TFTP.
type Server struct {
	Options
	slots chan struct{}
}

// New makes a server; Run starts it.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxTransfers <= 0 {
		o.MaxTransfers = DefaultTransfers
	}
	if o.Host == nil {
		o.Host = func(netip.Addr) string { return "" }
	}
	return &Server{Options: o, slots: make(chan struct{}, o.MaxTransfers)}
}

// Run listens and serves until ctx ends, then breaks off the transfers under way
// and returns nil once they are gone. An error means that it could not listen.
func (s *Server) Run(ctx context.Context) error {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(s.Listen))
	if err != nil {
		return fmt.Errorf("serve TFTP on %s: %w: is another TFTP server running, and may this user open the port?", s.Listen, err)
	}
	return s.Serve(ctx, conn)
}

// Serve is Run on a connection that is open already; it closes it.
func (s *Server) Serve(ctx context.Context, conn *net.UDPConn) error {
	// Neither EnableSinglePort nor SetAnticipate may ever be switched on: a
	// duplicate ACK or a read error ends the process there.
	srv := pin.NewServer(func(name string, rf io.ReaderFrom) error { return s.read(ctx, name, rf) }, nil)
	srv.SetTimeout(blockTimeout)
	srv.SetRetries(blockRetries)
	srv.SetBackoff(func(int) time.Duration { return 0 })

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
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.Log.Warn("tftp: busy, refused a transfer", "transfers", cap(s.slots))
		return errBusy
	}
	peer := peerOf(rf)
	host := s.Host(peer)
	name, err := cleanName(raw)
	if err != nil {
		s.Log.Info("tftp: refused a name", "peer", peer, "name", show(raw), "why", err)
		return errNoFile
	}
	file, size, err := s.Open(ctx, peer, name)
	if err != nil {
		return s.refuse(host, peer, name, err)
	}
	defer file.Close()

	began := s.Clock()
	sent, err := rf.ReadFrom(untilDone{ctx, file})
	took := s.Clock().Sub(began)
	if err != nil {
		s.stopped(host, peer, name, sent, size, err)
		return err
	}
	s.Log.Info("tftp: sent", "peer", peer, "host", host, "name", name, "bytes", sent, "took", took)
	s.record(provision.Event{
		Host: host, Kind: "fetch", Stage: provision.Bootfile,
		Message: fmt.Sprintf("fetched %s, %d bytes", name, sent),
		Fields: map[string]string{
			"name": name, "address": peer.String(), "bytes": strconv.FormatInt(sent, 10),
			"milliseconds": strconv.FormatInt(took.Milliseconds(), 10),
		},
	})
	return nil
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

// peerOf is the client's address; invalid when the library doesn't tell it.
func peerOf(rf io.ReaderFrom) netip.Addr {
	t, ok := rf.(pin.OutgoingTransfer)
	if !ok {
		return netip.Addr{}
	}
	remote := t.RemoteAddr()
	return remote.AddrPort().Addr().Unmap()
}

// untilDone reads until ctx ends, so that a transfer under way doesn't outlive
// the server. It seeks as well: that is how the library learns tsize.
type untilDone struct {
	ctx context.Context
	io.ReadSeeker
}

func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, errors.New("the server is going down")
	}
	return u.ReadSeeker.Read(p)
}
