package tftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"

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

// refuse maps an error of Open, or of reading the file, to the error for the client. A
// missing boot program that we send clients for is a problem that the operator has to solve.
func (s *Server) refuse(peer netip.Addr, name string, err error) error {
	told := errServer
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, bootfiles.ErrName) {
		told = errNoFile
	}
	if told == errNoFile && !errors.Is(err, bootfiles.ErrMissing) {
		s.logLimited(slog.LevelInfo, peer.String(), "tftp: no such file", "peer", peer, "name", name)
		s.noSuchFile(peer, name)
		return told
	}
	host, ok := s.reports(peer, "fetch-failed", name)
	if !ok {
		return told
	}
	fields := provision.LackFields(err)
	fields["name"], fields["address"] = name, peer.String()
	s.Log.Error("tftp: could not open a boot file", "peer", peer, "host", host, "name", name, "error", err)
	s.record(provision.Event{
		Host: host, Kind: "fetch-failed", Level: provision.LevelError,
		Message: fmt.Sprintf("asked for %s: %v", name, err),
		Fields:  fields,
	})
	return told
}

// reports says whether an event of a kind about a file may be recorded or logged, once a
// minute for each address and file, and of which host; "" for a stranger. Unknown addresses
// may be forged, and each lookup of their host searches all leases.
func (s *Server) reports(peer netip.Addr, kind, file string) (host string, ok bool) {
	if !s.Known(peer) && !s.failed.Allow(fmt.Sprint(kind, " ", peer, " ", file), s.Clock()) {
		return "", false
	}
	host = s.Host(peer)
	return host, host == "" || s.Flood.Allow("tftp "+kind, host, peer.String()+" "+file)
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
