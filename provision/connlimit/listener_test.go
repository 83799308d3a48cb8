package connlimit

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A testServer is a server on loopback whose requests wait until the test lets them go.
type testServer struct {
	t       *testing.T
	limiter *Limiter
	addr    string
	began   chan bool
	end     chan bool
}

func newServer(t *testing.T, l Limits, known func(netip.Addr) bool, answers, secure bool) *testServer {
	t.Helper()
	d := &testServer{t: t, limiter: New(l, known), began: make(chan bool, 100), end: make(chan bool)}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = plain.Addr().String()
	counted := d.limiter.Listen(plain, answers)
	if secure {
		s := httptest.NewUnstartedServer(nil)
		s.StartTLS()
		counted = tls.NewListener(counted, &tls.Config{Certificates: s.TLS.Certificates})
		s.Close()
	}
	srv := &http.Server{
		ConnState: ConnState, ConnContext: ConnContext, ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if Over(r.Context()) {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			if r.URL.Path == "/wait" {
				d.began <- true
				<-d.end
			}
		}),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(counted) }()
	t.Cleanup(func() {
		close(d.end)
		srv.Close()
		<-done
	})
	return d
}

// dial connects from an address of loopback.
func (d *testServer) dial(from string) net.Conn {
	d.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.Dial("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// ask sends a request over a connection; "" when it is closed.
func ask(c net.Conn, path string) string {
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line)
}

func (d *testServer) until(n int) {
	d.t.Helper()
	for range 3000 {
		if d.limiter.Open() == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatalf("%d connections are open, want %d", d.limiter.Open(), n)
}

// TestIdleStrangers checks that idle connections and half-sent requests, from many
// addresses and more than allowed, keep no client out, and that each one that ends makes
// room.
func TestIdleStrangers(t *testing.T) {
	for _, secure := range []bool{false, true} {
		d := newServer(t, Limits{PerAddress: 4, Unknown: 20, Known: 4}, func(a netip.Addr) bool { return a.String() == "127.0.9.9" }, !secure, secure)
		var idle []net.Conn
		for i := range 100 {
			c := d.dial("127.0.1." + string(rune('1'+i%9)))
			if !secure {
				_, _ = io.WriteString(c, "GET / HT")
			}
			idle = append(idle, c)
		}
		for _, from := range []string{"127.0.5.5", "127.0.9.9"} { // an unknown address, and a known one
			c := d.dial(from)
			if secure {
				c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own server
			}
			for range 2 {
				if got := ask(c, "/"); got != "HTTP/1.1 200 OK" {
					t.Errorf("%s, TLS %v: %q", from, secure, got)
				}
			}
			c.Close()
		}
		if n := d.limiter.Open(); n > 24 {
			t.Errorf("%d are open", n)
		}
		for _, c := range idle {
			c.Close()
		}
		d.until(0)
		if len(d.limiter.clients) != 0 || d.limiter.used != [2]int{} {
			t.Errorf("left: %v %v", d.limiter.clients, d.limiter.used)
		}
	}
}

// TestBusyOnes checks that a busy connection is not closed for an address that has as many.
// One beyond the limit is refused. Beyond twice the limit they are closed.
func TestBusyOnes(t *testing.T) {
	d := newServer(t, Limits{PerAddress: 2, Unknown: 100}, nil, true, false)
	var busy []net.Conn
	for range 2 {
		c := d.dial("127.0.1.1")
		_, _ = io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		<-d.began
		busy = append(busy, c)
	}
	third := d.dial("127.0.1.1")
	if got := ask(third, "/"); got != "HTTP/1.1 503 Service Unavailable" {
		t.Errorf("the third: %q", got)
	}
	third.Close()
	d.until(2)
	for _, c := range busy {
		d.end <- true
		if line, _ := bufio.NewReader(c).ReadString('\n'); !strings.Contains(line, "200") {
			t.Errorf("a busy one was answered %q", line)
		}
	}
	// They are idle now, and make room.
	if got := ask(d.dial("127.0.1.1"), "/"); got != "HTTP/1.1 200 OK" {
		t.Errorf("beside idle ones: %q", got)
	}
}

// TestBeforeTLS checks that a connection beyond the limit is closed where no answer is
// possible.
func TestBeforeTLS(t *testing.T) {
	d := newServer(t, Limits{PerAddress: 1, Unknown: 100}, nil, false, false)
	c := d.dial("127.0.1.1")
	_, _ = io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-d.began
	if n, err := d.dial("127.0.1.1").Read(make([]byte, 1)); err == nil || n > 0 {
		t.Error("one too many is answered")
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("one too many is held")
	}
}
