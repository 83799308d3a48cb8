package unpack

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/installer/fake"
)

func TestStream(t *testing.T) {
	data := fake.RandomBytes(1 << 20)
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
		srv  *fake.Server
		want string // of the error
	}{
		{"whole", &fake.Server{Data: data}, ""},
		{"breaks, ranges", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Header: set("ETag", same)}, ""},
		{"breaks, no etag", &fake.Server{Data: data, Cut: 300_000, Ranges: true}, ""},
		{"breaks, weak etag", &fake.Server{Data: data, Cut: 300_000, Ranges: true, Header: set("ETag", func(n int) string { return "W/" + counts(n) })}, ""},
		{"no ranges, later whole", &fake.Server{Data: data, Status: map[int]int{1: 503}}, ""},
		{"away for a while", &fake.Server{Data: data, Cut: 400_000, Ranges: true, Status: map[int]int{2: 503, 3: 502, 4: 503, 5: 429}}, ""},
		{"changed, whole", &fake.Server{Data: data, Cut: 100_000, Header: set("ETag", counts)}, `the file changed on the server in the middle of the transfer, at 0 of 1 MB: it was "v1", now it is "v2"`},
		{"changed, range", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Header: set("ETag", counts)}, "the file changed on the server"},
		{"changed, by date", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Header: set("Last-Modified", dates)}, "the file changed on the server"},
		{"changed, by size", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Header: set("Content-Range", from2("bytes 100000-999999/1000000"))}, "it had 1048576 bytes, now 1000000"},
		{"changed, no ranges, by size", &fake.Server{Data: data, Cut: 100_000, Header: set("Content-Length", from2("1000000"))}, "it had 1048576 bytes, now 1000000"},
		{"shorter now", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Status: map[int]int{2: 416}}, "it has become shorter"},
		{"another range", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Header: set("Content-Range", from2("bytes 7-1048575/1048576"))}, "asked for byte 100000"},
		{"no range", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Header: set("Content-Range", from2("pages 1-2"))}, "asked for byte 100000"},
		{"gone in the middle", &fake.Server{Data: data, Cut: 100_000, Ranges: true, Status: map[int]int{2: 404}}, "the server answers 404"},
		{"never", &fake.Server{Data: data, Always: 503}, "given up after 10m0s without a byte, in "},
		{"never again", &fake.Server{Data: data, Cut: 1, Header: func(n int, h http.Header) {
			if n > 1 {
				panic(http.ErrAbortHandler)
			}
		}}, "given up after 10m0s without a byte, in "},
		{"forbidden", &fake.Server{Data: data, Always: 403}, "the server answers 403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(c.srv)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.Start()
			defer srv.Close()
			s := NewStream(t.Context(), srv.Client(), &fake.Clock{}, srv.URL, fake.NoLog, fake.NoLog)
			got, err := io.ReadAll(s)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v; %d bytes after %d requests", err, len(got), c.srv.Requests)
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
		f := &fake.Server{Data: fake.RandomBytes(10_000), Cut: 6000, Ranges: true, Header: func(_ int, h http.Header) {
			h.Set("ETag", c.etag)
			h.Set("Last-Modified", c.modified)
		}}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("Range")+" if "+r.Header.Get("If-Range"))
			f.ServeHTTP(w, r)
		}))
		var told []string
		tell := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
		if _, err := io.ReadAll(NewStream(t.Context(), srv.Client(), &fake.Clock{}, srv.URL, tell, fake.NoLog)); err != nil {
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

// A connection that breaks again and again must not cause events without end.
func TestStreamBreaksOften(t *testing.T) {
	srv := httptest.NewServer(&fake.Server{Data: fake.RandomBytes(100_000), Cut: 1000, Ranges: true})
	defer srv.Close()
	warned, logged := 0, 0
	s := NewStream(t.Context(), srv.Client(), &fake.Clock{}, srv.URL,
		func(string, ...any) { warned++ }, func(string, ...any) { logged++ })
	if got, err := io.ReadAll(s); err != nil || len(got) != 100_000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if warned != 2*maxWarnings || logged != 2*(99-maxWarnings) {
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
	s := NewStream(t.Context(), srv.Client(), &fake.Clock{}, srv.URL, fake.NoLog, fake.NoLog)
	s.stall = 50 * time.Millisecond
	if got, err := io.ReadAll(s); err != nil || string(got) != "abcd" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The server is killed at half of the file with all its connections, no server
// listens for a while, and then another one serves at its address.
func TestStreamServerKilled(t *testing.T) {
	data := fake.RandomBytes(1 << 20)
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
	second := &http.Server{Handler: &fake.Server{Data: data, Ranges: true}}
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
	s := NewStream(t.Context(), &http.Client{Transport: &http.Transport{}}, &fake.Clock{}, "http://"+address, fake.NoLog, comesBack)
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, data) || refused < 2 {
		t.Errorf("%v; %d bytes, %d tries refused", err, len(got), refused)
	}
}
