package installer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A flaky server breaks its connections after cut bytes each; ranges says
// whether it knows ranges, and status and header what request n gets.
type flaky struct {
	data     []byte
	cut      int
	ranges   bool
	requests int
	status   map[int]int
	always   int
	header   func(request int, h http.Header)
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests++
	if s := max(f.always, f.status[f.requests]); s != 0 {
		w.WriteHeader(s)
		return
	}
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil && f.ranges {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(f.data)-1, len(f.data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(f.data)-from))
	} else {
		from = 0
		w.Header().Set("Content-Length", fmt.Sprint(len(f.data)))
	}
	if f.header != nil {
		f.header(f.requests, w.Header())
	}
	if w.Header().Get("Content-Range") != "" {
		w.WriteHeader(http.StatusPartialContent)
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
	set := func(key string, value func(n int) string) func(int, http.Header) {
		return func(n int, h http.Header) {
			if v := value(n); v != "" {
				h.Set(key, v)
			}
		}
	}
	same := func(int) string { return `"v1"` }
	counts := func(n int) string { return fmt.Sprintf(`"v%d"`, n) }
	dates := func(n int) string { return fmt.Sprintf("Fri, 02 Jan 2026 03:04:%02d GMT", n) }
	from2 := func(v string) func(n int) string {
		return func(n int) string { return map[bool]string{true: v}[n > 1] }
	}
	for _, c := range []struct {
		name string
		srv  *flaky
		want string // of the error
	}{
		{"whole", &flaky{data: data}, ""},
		{"breaks, ranges", &flaky{data: data, cut: 100_000, ranges: true, header: set("ETag", same)}, ""},
		{"breaks, no etag", &flaky{data: data, cut: 300_000, ranges: true}, ""},
		{"breaks, weak etag", &flaky{data: data, cut: 300_000, ranges: true, header: set("ETag", func(n int) string { return "W/" + counts(n) })}, ""},
		{"no ranges, later whole", &flaky{data: data, status: map[int]int{1: 503}}, ""},
		{"away for a while", &flaky{data: data, cut: 400_000, ranges: true, status: map[int]int{2: 503, 3: 502, 4: 503, 5: 429}}, ""},
		{"changed, whole", &flaky{data: data, cut: 100_000, header: set("ETag", counts)}, `the file changed on the server in the middle of the transfer, at 0 of 1 MB: it was "v1", now it is "v2"`},
		{"changed, range", &flaky{data: data, cut: 100_000, ranges: true, header: set("ETag", counts)}, "the file changed on the server"},
		{"changed, by date", &flaky{data: data, cut: 100_000, ranges: true, header: set("Last-Modified", dates)}, "the file changed on the server"},
		{"changed, by size", &flaky{data: data, cut: 100_000, ranges: true, header: set("Content-Range", from2("bytes 100000-999999/1000000"))}, "it had 1048576 bytes, now 1000000"},
		{"changed, no ranges, by size", &flaky{data: data, cut: 100_000, header: set("Content-Length", from2("1000000"))}, "it had 1048576 bytes, now 1000000"},
		{"shorter now", &flaky{data: data, cut: 100_000, ranges: true, status: map[int]int{2: 416}}, "it has become shorter"},
		{"another range", &flaky{data: data, cut: 100_000, ranges: true, header: set("Content-Range", from2("bytes 7-1048575/1048576"))}, "asked for byte 100000"},
		{"no range", &flaky{data: data, cut: 100_000, ranges: true, header: set("Content-Range", from2("pages 1-2"))}, "asked for byte 100000"},
		{"gone in the middle", &flaky{data: data, cut: 100_000, ranges: true, status: map[int]int{2: 404}}, "the server answers 404"},
		{"never", &flaky{data: data, always: 503}, "given up after 10m0s without a byte, in "},
		{"never again", &flaky{data: data, cut: 1, header: func(n int, h http.Header) {
			if n > 1 {
				panic(http.ErrAbortHandler)
			}
		}}, "given up after 10m0s without a byte, in "},
		{"forbidden", &flaky{data: data, always: 403}, "the server answers 403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(c.srv)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.Start()
			defer srv.Close()
			s := newStream(t.Context(), srv.Client(), &fakeClock{}, srv.URL, quiet, quiet)
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

// The question for the rest names the version that is half there.
func TestStreamIfRange(t *testing.T) {
	for _, c := range []struct{ etag, modified, want string }{
		{`"v1"`, "Fri, 02 Jan 2026 03:04:05 GMT", `"v1"`},
		{`W/"v1"`, "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 GMT"},
		{`W/"v1"`, "", ""},
	} {
		var asked []string
		f := &flaky{data: randomBytes(10_000), cut: 6000, ranges: true, header: func(_ int, h http.Header) {
			h.Set("ETag", c.etag)
			h.Set("Last-Modified", c.modified)
		}}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("Range")+" if "+r.Header.Get("If-Range"))
			f.ServeHTTP(w, r)
		}))
		var told []string
		tell := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
		if _, err := io.ReadAll(newStream(t.Context(), srv.Client(), &fakeClock{}, srv.URL, tell, quiet)); err != nil {
			t.Error(err)
		}
		srv.Close()
		if d := cmp.Diff([]string{" if ", "bytes=6000- if " + c.want}, asked); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		want := []string{
			"the connection broke after 0 of 0 MB: unexpected EOF; trying again for 10m0s",
			"the download goes on at 0 of 0 MB, 0 s after it broke",
		}
		if d := cmp.Diff(want, told); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// A connection that breaks ever again is no reason for events without end.
func TestStreamBreaksOften(t *testing.T) {
	srv := httptest.NewServer(&flaky{data: randomBytes(100_000), cut: 1000, ranges: true})
	defer srv.Close()
	warned, logged := 0, 0
	s := newStream(t.Context(), srv.Client(), &fakeClock{}, srv.URL,
		func(string, ...any) { warned++ }, func(string, ...any) { logged++ })
	if got, err := io.ReadAll(s); err != nil || len(got) != 100_000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if warned != 2*maxTold || logged != 2*(99-maxTold) {
		t.Errorf("%d warnings, %d lines on the console", warned, logged)
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
	s := newStream(t.Context(), srv.Client(), &fakeClock{}, srv.URL, quiet, quiet)
	s.stall = 50 * time.Millisecond
	if got, err := io.ReadAll(s); err != nil || string(got) != "abcd" {
		t.Errorf("got %q, %v", got, err)
	}
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// The server is killed at half of the file with all its connections, nobody
// listens for a while, and then another one serves at its address.
func TestStreamServerKilled(t *testing.T) {
	data := randomBytes(1 << 20)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	killed := make(chan struct{})
	first := &http.Server{ErrorLog: log.New(io.Discard, "", 0)}
	first.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		first.Close()
		close(killed)
	})
	go first.Serve(l)
	refused := 0
	second := &http.Server{Handler: &flaky{data: data, ranges: true}}
	defer second.Close()
	comesBack := func(string, ...any) { // a try has failed
		if refused++; refused != 2 {
			return
		}
		<-killed
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		go second.Serve(l)
	}
	s := newStream(t.Context(), &http.Client{Transport: &http.Transport{}}, &fakeClock{}, "http://"+address, quiet, comesBack)
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, data) || refused < 2 {
		t.Errorf("%v; %d bytes, %d tries refused", err, len(got), refused)
	}
}
