package unpack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"rackhand/provision/installer/report"
)

// A Stream reads one large file over HTTP from its beginning to its end. When
// the connection breaks or stalls it asks for the rest (RFC 9110 section 14) and
// goes on; the reader notices nothing. It gives up after patience without a byte:
// an appliance that restarts is waited for.
type Stream struct {
	ctx      context.Context
	client   *http.Client
	clk      report.Clock
	url      string
	stall    time.Duration // without a byte for this long, the connection is broken
	patience time.Duration
	warn     func(format string, args ...any) // a break, and that it is mended
	log      func(format string, args ...any) // each try

	body    io.ReadCloser
	cancel  context.CancelFunc
	version validator
	Size    atomic.Int64 // -1 while it isn't known
	At      atomic.Int64 // bytes read
	tries   int          // since the last byte
	since   time.Time    // of the last byte, while there are tries
	broken  bool         // a break was reported
	breaks  int          // so far
}

// A validator distinguishes versions of a file.
type validator struct{ etag, modified string }

func validatorOf(h http.Header) validator {
	v := validator{h.Get("ETag"), h.Get("Last-Modified")}
	if strings.HasPrefix(v.etag, "W/") {
		v.etag = "" // no use with If-Range
	}
	return v
}

// ifRange is the value for If-Range (RFC 9110 section 13.1.5); "" for none.
func (v validator) ifRange() string { return cmp.Or(v.etag, v.modified) }

// differs says that both are known and aren't the same.
func (v validator) differs(w validator) bool {
	if v.etag != "" && w.etag != "" {
		return v.etag != w.etag
	}
	return v.modified != "" && w.modified != "" && v.modified != w.modified
}

// NewStream reads url from its beginning at the first Read. warn is called for breaks, log for
// each try.
func NewStream(ctx context.Context, client *http.Client, clk report.Clock, url string, warn, log func(string, ...any)) *Stream {
	s := &Stream{
		ctx: ctx, client: client, clk: clk, url: url, warn: warn, log: log,
		stall: 30 * time.Second, patience: 10 * time.Minute,
	}
	s.Size.Store(-1)
	return s
}

// Read implements io.Reader. io.EOF comes only when the file is complete, as far
// as its length is known.
func (s *Stream) Read(p []byte) (int, error) {
	for {
		if s.body == nil {
			if done := s.Size.Load() >= 0 && s.At.Load() == s.Size.Load(); done {
				return 0, io.EOF
			}
			if err := s.connect(); err != nil {
				return 0, err
			}
		}
		watchdog := time.AfterFunc(s.stall, s.cancel)
		n, err := s.body.Read(p)
		watchdog.Stop()
		if n > 0 {
			s.noteMended()
			if at := s.At.Add(int64(n)); s.Size.Load() >= 0 && at > s.Size.Load() {
				return 0, fmt.Errorf("the server sent more than the %d bytes it announced", s.Size.Load())
			}
		}
		if err != nil {
			s.Close()
			if err == io.EOF && s.Size.Load() < 0 {
				s.Size.Store(s.At.Load()) // no length was announced: this is all
			}
			if s.ctx.Err() != nil {
				return n, s.ctx.Err()
			}
			if s.Size.Load() < 0 || s.At.Load() < s.Size.Load() {
				s.noteBreak(err)
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// maxWarnings is how many breaks are worth a warning each; the console has them all.
const maxWarnings = 10

// warnOfBreak warns while there are few breaks.
func (s *Stream) warnOfBreak(format string, args ...any) {
	if s.breaks > maxWarnings {
		s.log(format, args...)
		return
	}
	s.warn(format, args...)
}

// noteBreak reports a broken connection, once until a byte comes again.
func (s *Stream) noteBreak(err error) {
	if s.broken {
		s.log("the connection broke once more: %v", err)
		return
	}
	if s.tries == 0 {
		s.since = s.clk.Now()
	}
	s.broken = true
	s.breaks++
	s.warnOfBreak("the connection broke after %s: %v; trying again for %v", report.Amount(s.At.Load(), s.Size.Load()), err, s.patience)
}

// noteMended reports that bytes come again.
func (s *Stream) noteMended() {
	if s.broken {
		s.warnOfBreak("the download goes on at %s, %.0f s after it broke", report.Amount(s.At.Load(), s.Size.Load()), s.clk.Now().Sub(s.since).Seconds())
	}
	s.broken, s.tries = false, 0
}

// Close gives up the connection.
func (s *Stream) Close() {
	if s.body != nil {
		_ = s.body.Close()
		s.cancel()
		s.body = nil
	}
}

// connect asks for the file from where reading stands. Errors that asking again
// won't mend are returned.
func (s *Stream) connect() error {
	if s.tries == 0 && !s.broken {
		s.since = s.clk.Now()
	}
	var wait time.Duration
	for {
		if s.clk.Now().Sub(s.since) > s.patience {
			return fmt.Errorf("given up after %v without a byte, in %d tries, at %s", s.patience, s.tries, report.Amount(s.At.Load(), s.Size.Load()))
		}
		if s.tries > 0 {
			if err := s.clk.Sleep(s.ctx, max(wait, report.Backoff(s.tries-1))); err != nil {
				return err
			}
		}
		s.tries++
		var err error
		if wait, err = s.request(); err == nil {
			return nil
		}
		var final *report.FinalError
		if errors.As(err, &final) || s.ctx.Err() != nil {
			return err
		}
		s.log("%v; trying again", err)
	}
}

func (s *Stream) request() (time.Duration, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	ok := false
	defer func() {
		if !ok {
			cancel()
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, &report.FinalError{Message: err.Error()}
	}
	at := s.At.Load()
	// a length that the transport unpacks on the way can't be resumed
	req.Header.Set("Accept-Encoding", "identity")
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		if v := s.version.ifRange(); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	watchdog := time.AfterFunc(s.stall, cancel)
	resp, err := s.client.Do(req)
	watchdog.Stop()
	if err != nil {
		return 0, err
	}
	defer func() {
		if !ok {
			_ = resp.Body.Close()
		}
	}()
	if report.Transient(resp.StatusCode) {
		return report.RetryAfter(resp.Header, s.clk.Now()), fmt.Errorf("the server answers %s", resp.Status)
	}
	if at == 0 {
		if resp.StatusCode != http.StatusOK {
			return 0, &report.FinalError{Message: "the server answers " + resp.Status}
		}
		s.Size.Store(resp.ContentLength)
		s.version = validatorOf(resp.Header)
	} else if err := s.resume(resp, at, cancel); err != nil {
		return 0, err
	}
	s.body, s.cancel, ok = resp.Body, cancel, true
	return 0, nil
}

// resume checks the answer to a request for the rest, and skips its body up to the place
// already read. A changed file is an error, because two halves don't make a file.
func (s *Stream) resume(resp *http.Response, at int64, cancel func()) error {
	size := s.Size.Load()
	changed := func(what string) error {
		return &report.FinalError{Message: fmt.Sprintf("the file changed on the server in the middle of the transfer, at %s: %s", report.Amount(at, size), what)}
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		if now := validatorOf(resp.Header); s.version.differs(now) {
			return changed(fmt.Sprintf("it was %s, now it is %s", s.version.ifRange(), now.ifRange()))
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return changed("it has become shorter")
	default:
		return &report.FinalError{Message: "the server answers " + resp.Status}
	}
	if resp.StatusCode == http.StatusOK {
		if n := resp.ContentLength; n >= 0 && size >= 0 && n != size {
			return changed(fmt.Sprintf("it had %d bytes, now %d", size, n))
		}
		// the server has no ranges: read that part again; the checksum shows a change
		return skip(resp.Body, at, s.stall, cancel)
	}
	var from, to, total int64
	text := resp.Header.Get("Content-Range")
	n, _ := fmt.Sscanf(text, "bytes %d-%d/%d", &from, &to, &total)
	switch {
	case n < 2 || from != at:
		return &report.FinalError{Message: fmt.Sprintf("asked for byte %d, the server sends the range %q", at, report.ClipText(text, 100))}
	case n == 3 && size >= 0 && total != size:
		return changed(fmt.Sprintf("it had %d bytes, now %d", size, total))
	}
	return nil
}

// skip reads n bytes and throws them away; no byte for stall ends it.
func skip(r io.Reader, n int64, stall time.Duration, cancel func()) error {
	buf := make([]byte, 256<<10)
	for n > 0 {
		watchdog := time.AfterFunc(stall, cancel)
		got, err := r.Read(buf[:min(n, int64(len(buf)))])
		watchdog.Stop()
		n -= int64(got)
		if err != nil && n > 0 {
			return fmt.Errorf("read the existing data again: %w", err)
		}
	}
	return nil
}
