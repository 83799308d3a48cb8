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

// The errors for clients. The library sends an error's text unchanged, so it must not
// contain paths or causes. Its code is always 1, file not found.
var (
	errNoFile   = errors.New("file not found")
	errServer   = errors.New("server error")
	errBusy     = errors.New("server busy, try again")
	errReadOnly = errors.New("this server takes no files")
)

// logLimited logs a client's offence, at most once a minute for each kind of offence.
func (s *Server) logLimited(level slog.Level, offender, what string, args ...any) {
	if s.logged.Allow(what+" "+offender, s.Clock()) {
		s.Log.Log(context.Background(), level, what, args...)
	}
}

// refuse maps an error of Open to the error for the client. Unknown names are normal, since
// boot loaders probe for several. A missing boot program that we send clients for is a
// problem that the operator has to solve.
func (s *Server) refuse(peer netip.Addr, name string, err error) error {
	told := errServer
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, bootfiles.ErrName) {
		told = errNoFile
	}
	if told == errNoFile && !errors.Is(err, bootfiles.ErrMissing) {
		s.logLimited(slog.LevelInfo, peer.String(), "tftp: no such file", "peer", peer, "name", name)
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

// stopped reports a transfer that failed. A client that stops after the option exchange
// only wanted the size (tsize), and error 8 means that it asks again with other options.
// Both are normal.
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

// probe reports whether the client ended the transfer at its start, or with error 8 (RFC
// 2347: options refused). The library has no type for a client's error, only the text
// "sending block N: code=C, error: ...".
func probe(err error) bool {
	var block, code int
	n, _ := fmt.Sscanf(err.Error(), "sending block %d: code=%d,", &block, &code)
	return n == 2 && (block == 0 || code == 8)
}

// A hook is the library's hook. It logs packets that aren't requests, for which no handler
// is called.
type hook struct{ s *Server }

func (hook) OnSuccess(pin.TransferStats) {}

// OnFailure is called for transfers, too; those have an address, and their handler reports
// them. A transfer whose client has never answered ends here: see unanswered.
func (g hook) OnFailure(t pin.TransferStats, err error) {
	if t.DatagramsSent > 0 && t.DatagramsAcked == 0 && timedOut(err) {
		panic(unanswered{err})
	}
	if t.RemoteAddr == nil {
		g.s.logLimited(slog.LevelInfo, "", "tftp: a packet that starts no transfer", "why", err)
	}
}
