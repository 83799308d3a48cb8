package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// A stream reads one large file over HTTP from its beginning to its end. When
// the connection breaks or stalls it asks for the rest (RFC 9110 section 14) and
// goes on; the reader notices nothing. It gives up after maxBroken breaks in a
// row that brought not one byte.
type stream struct {
	ctx    context.Context
	client *http.Client
	clk    clock
	url    string
	stall  time.Duration // without a byte for this long, the connection is broken
	warn   func(format string, args ...any)

	body   io.ReadCloser
	cancel context.CancelFunc
	etag   string
	broken int
	size   atomic.Int64 // -1 while it isn't known
	at     atomic.Int64 // bytes read
}

const maxBroken = 10

func newStream(ctx context.Context, client *http.Client, clk clock, url string, warn func(string, ...any)) *stream {
	s := &stream{ctx: ctx, client: client, clk: clk, url: url, stall: 30 * time.Second, warn: warn}
	s.size.Store(-1)
	return s
}

// Read implements io.Reader. io.EOF comes only when the file is complete, as far
// as its length is known.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if s.body == nil {
			if done := s.size.Load() >= 0 && s.at.Load() == s.size.Load(); done {
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
			s.broken = 0
			if at := s.at.Add(int64(n)); s.size.Load() >= 0 && at > s.size.Load() {
				return 0, fmt.Errorf("the server sent more than the %d bytes it announced", s.size.Load())
			}
		}
		if err != nil {
			s.close()
			if err == io.EOF && s.size.Load() < 0 {
				s.size.Store(s.at.Load()) // no length was announced: this is all
			}
			if s.ctx.Err() != nil {
				return n, s.ctx.Err()
			}
			if s.size.Load() < 0 || s.at.Load() < s.size.Load() {
				s.warn("the connection broke after %d of %d bytes: %v", s.at.Load(), s.size.Load(), err)
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (s *stream) close() {
	if s.body != nil {
		_ = s.body.Close()
		s.cancel()
		s.body = nil
	}
}

// connect asks for the file from where reading stands. Errors that asking again
// won't mend are returned.
func (s *stream) connect() error {
	for {
		if s.broken > maxBroken {
			return fmt.Errorf("given up after %d broken connections in a row at byte %d", s.broken, s.at.Load())
		}
		wait, err := s.request()
		if err == nil {
			return nil
		}
		var final *finalError
		if errors.As(err, &final) || s.ctx.Err() != nil {
			return err
		}
		s.warn("%v; trying again", err)
		if err := s.clk.Sleep(s.ctx, max(wait, backoff(s.broken))); err != nil {
			return err
		}
		s.broken++
	}
}

func (s *stream) request() (time.Duration, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	ok := false
	defer func() {
		if !ok {
			cancel()
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return 0, &finalError{err.Error()}
	}
	at := s.at.Load()
	// a length that the transport unpacks on the way can't be resumed
	req.Header.Set("Accept-Encoding", "identity")
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		if s.etag != "" {
			req.Header.Set("If-Range", s.etag)
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
	switch {
	case transient(resp.StatusCode):
		return retryAfter(resp.Header, s.clk.Now()), fmt.Errorf("the server answers %s", resp.Status)
	case at == 0 && resp.StatusCode == http.StatusOK:
		s.size.Store(resp.ContentLength)
		if tag := resp.Header.Get("ETag"); !strings.HasPrefix(tag, "W/") {
			s.etag = tag // a weak one is no use with If-Range
		}
	case at > 0 && resp.StatusCode == http.StatusPartialContent:
		var from, to, size int64
		if n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); n < 1 || from != at {
			return 0, &finalError{fmt.Sprintf("asked for byte %d, the server sends %q: %v", at, resp.Header.Get("Content-Range"), err)}
		} else if n == 3 && s.size.Load() >= 0 && size != s.size.Load() {
			return 0, &finalError{fmt.Sprintf("the file changed on the server: %d bytes, now %d", s.size.Load(), size)}
		}
	case at > 0 && resp.StatusCode == http.StatusOK:
		if tag := resp.Header.Get("ETag"); s.etag != "" && tag != "" && tag != s.etag {
			return 0, &finalError{"the file changed on the server in the middle of the transfer"}
		}
		// the server has no ranges: read again what we have; the checksum tells
		if err := skip(resp.Body, at, s.stall, cancel); err != nil {
			return 0, err
		}
	default:
		return 0, &finalError{"the server answers " + resp.Status}
	}
	s.body, s.cancel, ok = resp.Body, cancel, true
	return 0, nil
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
			return fmt.Errorf("read again what was there: %w", err)
		}
	}
	return nil
}
