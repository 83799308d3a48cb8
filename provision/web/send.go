package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sys/unix"

	"rackhand/provision"
)

// fetchEvery is the time within which a second fetch of one file by one host causes no event.
const fetchEvery = 2 * time.Second

// send sends a file, also for HEAD and for ranges. Once the last byte is written, it records
// that a host in an install has the file; if the client breaks off, it records that.
func (s *Server) send(c echo.Context, f *os.File, stage provision.Stage) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return s.sendContent(c, f, filepath.Base(f.Name()), st.ModTime(), st.Size(), stage, true)
}

// sendContent is send for content that is not a file of its own, such as a file within an
// ISO. told says whether a complete fetch causes an event.
func (s *Server) sendContent(c echo.Context, f io.ReadSeeker, name string, modTime time.Time, size int64, stage provision.Stage, told bool) error {
	// Before the last byte: after it, firmware answers no ARP until its next program runs.
	host := s.hostAt(c.Request().Context(), peer(c))
	if host != "" && stage != "" && !s.believed(c.Request().Context(), s.Snapshot().Hosts[host], peer(c)) {
		host = ""
	}
	// The plain writer underneath echo's, since echo's hides sendfile.
	w := newCounter(c.Response().Writer)
	began := s.Clock()
	http.ServeContent(w, c.Request(), "", modTime, f)
	c.Response().Committed = true
	if host == "" || c.Request().Method != http.MethodGet {
		return nil
	}
	took := s.Clock().Sub(began).Round(time.Millisecond)
	if why := brokenOff(w.err); why != "" {
		s.fetchStopped(c, host, stopped{name, stage, told, why, max(w.n-unacknowledged(c.Request().Context()), 0), size, took})
		return nil
	}
	if !told || !w.reachedEnd(size) {
		return nil
	}
	// A client that fetches a file in a loop, or only its end, must not fill the journal, so
	// only its first fetch is recorded. A box that reboots takes longer.
	if !s.fetched.Allow(host+" "+c.Request().URL.Path, s.Clock()) || !s.Flood.Allow("http fetch", host, "") {
		return nil
	}
	e := provision.Event{
		Host: host, Source: "http", Kind: "fetch", Stage: stage,
		Message: fmt.Sprintf("%s fetched: %d bytes in %s", name, w.n, took),
		Fields:  map[string]string{"file": name, "bytes": strconv.FormatInt(w.n, 10), "milliseconds": strconv.FormatInt(took.Milliseconds(), 10)},
	}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording a fetch", "error", err)
	}
	return nil
}

// A stopped is a file whose client broke off.
type stopped struct {
	name        string
	stage       provision.Stage // that its whole fetch brings a host to
	told        bool            // its whole fetch is an event
	why         string
	bytes, size int64 // acknowledged by the client, and of the file
	took        time.Duration
}

// sizeProbe is the number of bytes within which firmware that breaks off may have wanted the
// size alone, as some does instead of asking with HEAD.
const sizeProbe = 64 << 10

// fetchStopped records that a host in an install broke off a file, once a minute for each
// file. For packages, which their manager fetches again, it has no level.
func (s *Server) fetchStopped(c echo.Context, host string, f stopped) {
	level := provision.LevelWarn
	if !f.told || f.stage == provision.Bootfile && f.why == whyClosed && f.bytes < sizeProbe {
		level = ""
	}
	how := "it closed the connection"
	if f.why == whyStalled {
		how = "nothing more reached it"
	}
	fields := map[string]string{
		"file": f.name, "address": peer(c).String(), "why": f.why,
		"bytes": strconv.FormatInt(f.bytes, 10), "size": strconv.FormatInt(f.size, 10),
		"milliseconds": strconv.FormatInt(f.took.Milliseconds(), 10),
	}
	if f.stage != "" {
		fields["stage"] = string(f.stage)
	}
	s.say(provision.Event{
		Host: host, Source: "http", Kind: "fetch-stopped", Level: level,
		Message: fmt.Sprintf("stopped fetching %s after %d of %d bytes: %s", f.name, f.bytes, f.size, how), Fields: fields,
	}, c.Request().URL.Path)
}

// Why a file broke off.
const (
	whyClosed  = "closed"  // the client closed or reset the connection
	whyStalled = "stalled" // it took nothing for a minute, or the network carried nothing to it
)

// brokenOff says why an answer broke off, if its client or the network is the reason; "" if
// it was sent, or we closed the connection, or the file can't be read.
func brokenOff(err error) string {
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return whyClosed
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return whyStalled
	}
	return ""
}

type connKey struct{}

// withConn puts a connection into the context of its requests.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// unacknowledged is the number of bytes that were written to a request's connection and that
// the client's kernel hasn't acknowledged (SIOCOUTQ, tcp(7)); 0 when unknown.
func unacknowledged(ctx context.Context) int64 {
	c, ok := ctx.Value(connKey{}).(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	var n int
	if failed := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); failed != nil || err != nil {
		return 0
	}
	return int64(n)
}

// A slow client gets all the time it needs, one that reads nothing does not: each piece
// must be sent within a minute. 1 MiB a minute is less than the slowest management network
// carries.
const (
	pieceBytes    = 1 << 20
	piecePatience = time.Minute
)

// A counter counts what is written, keeps sendfile possible, and moves the
// connection's write deadline on with it.
type counter struct {
	http.ResponseWriter
	status   int
	n        int64
	err      error // of the last write; nil if all was taken
	piece    int64
	patience time.Duration
}

func newCounter(w http.ResponseWriter) *counter {
	return &counter{ResponseWriter: w, piece: pieceBytes, patience: piecePatience}
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	c.renew()
	n, err := c.ResponseWriter.Write(b)
	c.n, c.err = c.n+int64(n), err
	return n, err
}

// ReadFrom hands a file to the connection, where it becomes sendfile(2). For that
// it has to arrive there as an *io.LimitedReader over an *os.File and in nothing
// else, so the limit that http.ServeContent puts around it is taken off first.
func (c *counter) ReadFrom(r io.Reader) (n int64, err error) {
	left := int64(1) << 62
	whole, limited := r.(*io.LimitedReader)
	if limited {
		left, r = whole.N, whole.R
	}
	for left > 0 && err == nil {
		c.renew()
		piece := &io.LimitedReader{R: r, N: min(left, c.piece)}
		want := piece.N
		var got int64
		got, err = io.Copy(c.ResponseWriter, piece)
		n += got
		left -= got
		if got < want {
			break // the end of r
		}
	}
	if limited {
		whole.N = left
	}
	c.n, c.err = c.n+n, err
	return n, err
}

// renew moves the deadline on for the next piece. The kernel enforces it, so it is a time of
// the real clock. Only a test's connection has no deadlines.
func (c *counter) renew() {
	_ = http.NewResponseController(c.ResponseWriter).SetWriteDeadline(time.Now().Add(c.patience))
}

// Unwrap lets http.ResponseController reach the connection.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// reachedEnd reports whether what was written ends with the file's last byte: the
// whole file, or the last of its ranges.
func (c *counter) reachedEnd(size int64) bool {
	switch c.status {
	case 0, http.StatusOK:
		return c.n == size
	case http.StatusPartialContent:
		var first, last, total int64
		if _, err := fmt.Sscanf(c.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); err != nil {
			return false
		}
		return last == size-1 && c.n == last-first+1
	}
	return false
}
