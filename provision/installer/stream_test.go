package installer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A flaky server breaks its connections after cut bytes each; ranges says
// whether it knows ranges.
type flaky struct {
	data     []byte
	cut      int
	ranges   bool
	etag     func(request int) string
	requests int
	status   func(request int) int
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests++
	if f.status != nil {
		if s := f.status(f.requests); s != 0 {
			w.WriteHeader(s)
			return
		}
	}
	if f.etag != nil {
		w.Header().Set("ETag", f.etag(f.requests))
	}
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil && f.ranges {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(f.data)-1, len(f.data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(f.data)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		from = 0
		w.Header().Set("Content-Length", fmt.Sprint(len(f.data)))
	}
	rest := f.data[from:]
	if f.cut > 0 && len(rest) > f.cut {
		_, _ = w.Write(rest[:f.cut])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(rest)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestStream(t *testing.T) {
	data := randomBytes(1 << 20)
	same := func(int) string { return `"v1"` }
	changes := func(n int) string { return fmt.Sprintf(`"v%d"`, n) }
	for _, c := range []struct {
		name string
		srv  *flaky
		want string // of the error
	}{
		{"whole", &flaky{data: data}, ""},
		{"breaks, ranges", &flaky{data: data, cut: 100_000, ranges: true, etag: same}, ""},
		{"breaks, no etag", &flaky{data: data, cut: 300_000, ranges: true}, ""},
		{"no ranges, later whole", &flaky{data: data, ranges: false, status: func(n int) int { return map[int]int{1: 503}[n] }}, ""},
		{"changed", &flaky{data: data, cut: 100_000, etag: changes}, "the file changed on the server"},
		{"gone in the middle", &flaky{data: data, cut: 100_000, ranges: true, status: func(n int) int { return map[int]int{2: 404}[n] }}, "the server answers 404"},
		{"never", &flaky{data: data, status: func(int) int { return 503 }}, "given up after 11 broken connections"},
		{"forbidden", &flaky{data: data, status: func(int) int { return 403 }}, "the server answers 403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(c.srv)
			defer srv.Close()
			s := newStream(t.Context(), srv.Client(), &fakeClock{}, srv.URL, quiet)
			got, err := io.ReadAll(s)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v; %d bytes after %d requests", err, len(got), c.srv.requests)
			}
		})
	}
}

// A server that sends one byte and stalls must not hold the install up.
func TestStreamStall(t *testing.T) {
	n := 0
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		if n == 1 {
			w.Header().Set("Content-Length", "4")
			_, _ = w.Write([]byte("a"))
			w.(http.Flusher).Flush()
			<-release
			return
		}
		w.Header().Set("Content-Range", "bytes 1-3/4")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write([]byte("bcd"))
	}))
	defer srv.Close()
	defer close(release)
	s := newStream(t.Context(), srv.Client(), &fakeClock{}, srv.URL, quiet)
	s.stall = 50 * time.Millisecond
	if got, err := io.ReadAll(s); err != nil || string(got) != "abcd" {
		t.Errorf("got %q, %v", got, err)
	}
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
