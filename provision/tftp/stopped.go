package tftp

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"rackhand/provision"
)

// A stoppedTransfer is a transfer that broke off.
type stoppedTransfer struct {
	name      string
	stage     provision.Stage // that its whole fetch brings a host to
	src       *source
	size      int64 // of the file, in bytes
	block     int   // size in bytes; 0: unknown
	elsewhere bool  // its client went on with another transfer meanwhile
}

// stopped reports a transfer that failed. A client that stops after the option exchange
// only wanted the size (tsize), and error 8 means that it asks again with other options. A
// client that acknowledged nothing here and goes on from another port has asked again. All
// of that is normal.
func (s *Server) stopped(peer netip.Addr, t stoppedTransfer, err error) {
	if probe(err) || t.src.packets() == 0 && t.elsewhere {
		s.Log.Debug("tftp: left a transfer at its start", "peer", peer, "name", t.name)
		return
	}
	host, ok := s.reports(peer, "fetch-stopped", t.name)
	if !ok {
		return
	}
	s.Log.Warn("tftp: transfer stopped", "peer", peer, "host", host, "name", t.name, "acknowledged", t.src.taken, "size", t.size, "error", err)
	s.record(t.event(host, peer, err))
}

// event describes the transfer. Its field bytes is what the client has acknowledged; packets
// counts the acknowledgement of the options too. So a client that never answered has 0
// packets, and one that answered until the first big packet came has 1 packet and 0 bytes.
func (t stoppedTransfer) event(host string, peer netip.Addr, err error) provision.Event {
	e := provision.Event{
		Host: host, Kind: "fetch-stopped", Level: provision.LevelWarn,
		Fields: map[string]string{
			"name": t.name, "address": peer.String(), "why": "silence",
			"bytes": strconv.FormatInt(t.src.taken, 10), "size": strconv.FormatInt(t.size, 10),
			"packets": strconv.Itoa(t.src.packets()),
		},
	}
	if t.stage != "" {
		e.Fields["stage"] = string(t.stage)
	}
	if t.block > 0 {
		e.Fields["blksize"] = strconv.Itoa(t.block)
	}
	how := "it answers no more"
	if code, text, ok := clientError(err); ok {
		e.Fields["why"], e.Fields["code"], e.Fields["error"] = "error", strconv.Itoa(code), text
		how = fmt.Sprintf("it sent error %d (%s)", code, text)
	}
	switch {
	case t.src.packets() == 0:
		e.Message = fmt.Sprintf("asked for %s and acknowledged nothing: %s", t.name, how)
	default:
		e.Message = fmt.Sprintf("stopped fetching %s after %d of %d bytes: %s", t.name, t.src.taken, t.size, how)
	}
	return e
}

// clientError reads the error packet of a client from the library's error. The library has no
// type for it, only the text "sending block N: code=C, error: ...".
func clientError(err error) (code int, text string, ok bool) {
	_, rest, ok := strings.Cut(err.Error(), ": code=")
	number, text, found := strings.Cut(rest, ", error: ")
	code, bad := strconv.Atoi(number)
	if !ok || !found || bad != nil || !strings.HasPrefix(err.Error(), "sending block ") {
		return 0, "", false
	}
	return code, shown(strings.TrimRight(text, "\x00")), true
}

// probe reports whether the client ended the transfer at its start, or with error 8 (RFC
// 2347: options refused).
func probe(err error) bool {
	code, _, ok := clientError(err)
	return ok && (code == 8 || strings.HasPrefix(err.Error(), "sending block 0:"))
}

// blockSize is the size in bytes of a transfer's blocks; 0 when the library doesn't say.
func blockSize(rf io.ReaderFrom) int {
	if send := field[[]byte](rf, "send"); send != nil {
		return max(len(*send)-4, 0)
	}
	return 0
}
