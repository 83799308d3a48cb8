package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision/connlimit"
	"rackhand/provision/handout"
)

// A spy is a listener that sees what net/http hands to its connections.
type spy struct {
	net.Listener
	mu       sync.Mutex
	fromFile int64 // bytes that came as a file: sendfile(2)
	others   []string
}

func (s *spy) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &spyConn{c.(*net.TCPConn), s}, nil
}

type spyConn struct {
	*net.TCPConn
	spy *spy
}

// ReadFrom lets through what the kernel can send by itself: an *os.File, or an
// *io.LimitedReader over one (net.sendFile).
func (c *spyConn) ReadFrom(r io.Reader) (int64, error) {
	inner := r
	if l, ok := r.(*io.LimitedReader); ok {
		inner = l.R
	}
	_, file := inner.(*os.File)
	n, err := c.TCPConn.ReadFrom(r)
	c.spy.mu.Lock()
	defer c.spy.mu.Unlock()
	if file {
		c.spy.fromFile += n
	} else {
		c.spy.others = append(c.spy.others, fmt.Sprintf("%T", inner))
	}
	return n, err
}

// served is the boot routes on a port of loopback, through everything that stands
// before them in a running appliance.
func served(t *testing.T, files *bootfiles.Files) (*spy, *bootHandler, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{
		Files: files, Handout: &handout.Maker{Images: t.TempDir()}, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Snapshot: func() *inventory.Snapshot { return nil },
	})
	h := s.Boot().(*bootHandler)
	w := &spy{Listener: l}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	all := connlimit.New(connlimit.Limits{PerAddress: 128, Unknown: 128}, nil)
	go func() { done <- Serve(ctx, all.Listen(w, true), h, s.Log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return w, h, "http://" + l.Addr().String()
}

// bigFile is a boot program of some pieces and a bit.
func bigFile(t *testing.T) (*bootfiles.Files, []byte) {
	t.Helper()
	dir := t.TempDir()
	data := bytes.Repeat([]byte("0123456789abcde\n"), (3*pieceBytes+12345)/16)
	if err := os.WriteFile(filepath.Join(dir, "big.efi"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return bootfiles.New([]string{dir}), data
}

// TestSendfile: files reach the connection as files, so that the kernel sends them;
// all but the first bytes, which net/http copies (its sniffLen, 512).
func TestSendfile(t *testing.T) {
	files, data := bigFile(t)
	w, _, url := served(t, files)
	for _, rang := range []string{"", "bytes=1000-"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/boot/file/big.efi", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := data
		if rang != "" {
			req.Header.Set("Range", rang)
			want = data[1000:]
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q: %d bytes, %v", rang, len(got), err)
		}
		w.mu.Lock()
		if w.fromFile != int64(len(want))-512 || len(w.others) != 0 {
			t.Errorf("%q: %d of %d bytes went by sendfile; others: %v", rang, w.fromFile, len(want), w.others)
		}
		w.fromFile = 0
		w.mu.Unlock()
	}
}

// TestCounterReadFrom: pieces lose nothing, whatever the sizes, and the reader that
// was given knows what is left.
func TestCounterReadFrom(t *testing.T) {
	for _, size := range []int{0, 1, 9, 10, 11, 20, 25} {
		for _, limit := range []int64{-1, 0, 5, 10, 100} {
			rec := httptest.NewRecorder()
			c := &counter{ResponseWriter: rec, piece: 10, patience: time.Minute}
			src := bytes.NewReader(bytes.Repeat([]byte("x"), size))
			want := int64(size)
			var n int64
			var err error
			if limit >= 0 {
				want = min(want, limit)
				l := &io.LimitedReader{R: src, N: limit}
				n, err = c.ReadFrom(l)
				if l.N != limit-want {
					t.Errorf("size %d, limit %d: %d are left", size, limit, l.N)
				}
			} else {
				n, err = c.ReadFrom(src)
			}
			if err != nil || n != want || c.n != want || int64(rec.Body.Len()) != want {
				t.Errorf("size %d, limit %d: %d, counted %d, sent %d, %v", size, limit, n, c.n, rec.Body.Len(), err)
			}
		}
	}
}

// TestClientThatReadsNothing: its handler ends by itself; one that reads slowly, but
// reads, gets the whole file.
func TestClientThatReadsNothing(t *testing.T) {
	const size = 64 << 20 // more than the kernel buffers
	path := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int64, 1)
	broken := make(chan string, 1)
	// The slow client is given more, so that it's never this machine that is too slow.
	patience := map[string]time.Duration{"/never": 300 * time.Millisecond, "/slow": 2 * time.Second}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		c := &counter{ResponseWriter: w, piece: 64 << 10, patience: patience[r.URL.Path]}
		http.ServeContent(c, r, "", time.Time{}, f)
		ended <- c.n
		broken <- brokenOff(c.err)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, why := <-ended, <-broken; n >= size || why != whyStalled {
		t.Errorf("%d bytes were sent to a client that reads nothing, and it %q", n, why)
	}
	res, err := srv.Client().Get(srv.URL + "/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got int64
	for range 5 { // slow at first, for longer in all than a piece may take
		time.Sleep(500 * time.Millisecond)
		n, err := io.CopyN(io.Discard, res.Body, 4<<20)
		if got += n; err != nil {
			t.Fatal(err)
		}
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || got+n != size {
		t.Errorf("a slow client got %d bytes, %v", got+n, err)
	}
	if n, why := <-ended, <-broken; n != size || why != "" {
		t.Errorf("counted %d, %q", n, why)
	}
}

// TestMirrorsClientThatReadsNothing: what the mirror sends has a deadline as well, and
// an upstream that is slow costs nobody his answer.
func TestMirrorsClientThatReadsNothing(t *testing.T) {
	const limit = 64 << 20 // more than the kernel buffers
	ended := make(chan int, 1)
	pieces, slow := 2, 200*time.Millisecond // longer in all than one piece may take to be read
	h := &bootHandler{patience: 300 * time.Millisecond, routes: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		if r.URL.Path == "/mirror/slow" {
			for range pieces {
				time.Sleep(slow)
				m, _ := io.WriteString(w, "piece")
				n += m
			}
			time.Sleep(2 * slow)
			ended <- n
			return
		}
		for n < limit {
			m, err := w.Write(make([]byte, 64<<10))
			if n += m; err != nil {
				break
			}
		}
		ended <- n
	})}
	srv := httptest.NewServer(h)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /mirror/big HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n := <-ended; n >= limit {
		t.Errorf("%d bytes were sent to a client that reads nothing", n)
	}
	res, err := srv.Client().Get(srv.URL + "/mirror/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if <-ended; err != nil || string(b) != "piecepiece" {
		t.Errorf("from a slow upstream: %q, %v", b, err)
	}
}

func TestOneSlash(t *testing.T) {
	for in, want := range map[string]string{"": "", "/": "/", "//": "/", "/a//b///c": "/a/b/c", "a//": "a/", "/a/b": "/a/b", "/..//x": "/../x"} {
		if got := oneSlash(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
