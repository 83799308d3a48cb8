package tftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"strconv"

	pin "github.com/pin/tftp/v3"

	"rackhand/bootfiles"
	"rackhand/provision"
)

// What a client is told. The library sends an error's text as it is, so nothing
// of ours (paths, causes) may stand in one; its code is always 1, file not found.
var (
	errNoFile   = errors.New("file not found")
	errServer   = errors.New("server error")
	errBusy     = errors.New("server busy, try again")
	errReadOnly = errors.New("this server takes no files")
)

// say writes about an offender, at most once a minute for each kind of offence.
func (s *Server) say(level slog.Level, offender, what string, args ...any) {
	if s.quiet.Allow(what+" "+offender, s.Clock()) {
		s.Log.Log(context.Background(), level, what, args...)
	}
}

// refuse maps the error of Open to what the client is told. A name that nobody
// has is everyday: boot loaders probe for several. A program that we send clients
// for and haven't got is the operator's to mend.
func (s *Server) refuse(peer netip.Addr, name string, err error) error {
	told := errServer
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, bootfiles.ErrName) {
		told = errNoFile
	}
	if told == errNoFile && !errors.Is(err, bootfiles.ErrMissing) {
		s.say(slog.LevelInfo, peer.String(), "tftp: no such file", "peer", peer, "name", name)
		return told
	}
	if !s.failed.Allow("failed "+peer.String()+" "+name, s.Clock()) {
		return told
	}
	host := s.Host(peer)
	if !s.Flood.Allow("tftp fetch-failed", host, "") {
		return told
	}
	s.Log.Error("tftp: could not open a boot file", "peer", peer, "host", host, "name", name, "error", err)
	s.record(provision.Event{
		Host: host, Kind: "fetch-failed", Level: provision.LevelError,
		Message: fmt.Sprintf("asked for %s: %v", name, err),
		Fields:  map[string]string{"name": name, "address": peer.String()},
	})
	return told
}

// stopped reports a transfer that didn't end well. A client that breaks off after
// the option exchange only wanted to know the size (tsize), and error 8 says that
// it asks again with other options: both are everyday.
func (s *Server) stopped(peer netip.Addr, name string, sent, size int64, err error) {
	if probe(err) {
		s.Log.Debug("tftp: asked for the size", "peer", peer, "name", name)
		return
	}
	if !s.failed.Allow("stopped "+peer.String(), s.Clock()) {
		return
	}
	host := s.Host(peer)
	if !s.Flood.Allow("tftp fetch-stopped", host, "") {
		return
	}
	s.Log.Warn("tftp: transfer stopped", "peer", peer, "host", host, "name", name, "sent", sent, "size", size, "error", err)
	s.record(provision.Event{
		Host: host, Kind: "fetch-stopped", Level: provision.LevelWarn,
		Message: fmt.Sprintf("stopped fetching %s after %d of %d bytes", name, sent, size),
		Fields: map[string]string{
			"name": name, "address": peer.String(),
			"bytes": strconv.FormatInt(sent, 10), "size": strconv.FormatInt(size, 10),
		},
	})
}

// probe reports whether the client itself broke the transfer off at its start, or
// with error 8 (RFC 2347: options refused). The library has no type for a
// client's error, only the text "sending block N: code=C, error: ...".
func probe(err error) bool {
	var block, code int
	n, _ := fmt.Sscanf(err.Error(), "sending block %d: code=%d,", &block, &code)
	return n == 2 && (block == 0 || code == 8)
}

// garbage is the library's hook: it tells of packets that are no request, for
// which no handler is called.
type garbage struct{ s *Server }

func (garbage) OnSuccess(pin.TransferStats) {}

// OnFailure is called for transfers too; those have an address, and their handler
// reports them. One whose client has never answered ends here: see silence.
func (g garbage) OnFailure(t pin.TransferStats, err error) {
	if t.DatagramsSent > 0 && t.DatagramsAcked == 0 && timedOut(err) {
		panic(silence{err})
	}
	if t.RemoteAddr == nil {
		g.s.say(slog.LevelInfo, "", "tftp: a packet that starts no transfer", "why", err)
	}
}
