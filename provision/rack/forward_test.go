package rack

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// forwardTo starts a proxy to one test server and returns a client that goes
// through it.
func forwardTo(t *testing.T, upstream *httptest.Server) (socket string) {
	t.Helper()
	u, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(t.TempDir(), "p")
	f, err := NewForward(socket, []string{u.Host}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return socket
}

// ask sends one raw request and reads the answer.
func ask(t *testing.T, socket, method, target string, headers ...string) *http.Response {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: whatever\r\n%s\r\n", method, target, strings.Join(headers, "")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestForward(t *testing.T) {
	content := "0123456789"
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Proxy-Authorization") != "" {
			t.Errorf("a header that isn't the upstream's went through: %v", r.Header)
		}
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, "http://other.example/", http.StatusFound)
		default:
			w.Header().Set("Set-Cookie", "a=b")
			http.ServeContent(w, r, "f.deb", stamp, strings.NewReader(content))
		}
	}))
	defer upstream.Close()
	socket := forwardTo(t, upstream)
	u := upstream.URL

	if resp := ask(t, socket, "GET", u+"/f.deb", "Cookie: x=y\r\n"); resp.StatusCode != 200 || body(t, resp) != content || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("GET: %s %v", resp.Status, resp.Header)
	}
	if resp := ask(t, socket, "HEAD", u+"/f.deb"); resp.StatusCode != 200 || resp.ContentLength != 10 {
		t.Errorf("HEAD: %s, %d bytes", resp.Status, resp.ContentLength)
	}
	if resp := ask(t, socket, "GET", u+"/f.deb", "Range: bytes=2-4\r\n"); resp.StatusCode != 206 || body(t, resp) != "234" || resp.Header.Get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("range: %s %v", resp.Status, resp.Header)
	}
	if resp := ask(t, socket, "GET", u+"/f.deb", "If-Modified-Since: "+stamp.Format(http.TimeFormat)+"\r\n"); resp.StatusCode != 304 {
		t.Errorf("If-Modified-Since: %s", resp.Status)
	}
	if resp := ask(t, socket, "GET", u+"/elsewhere"); resp.StatusCode != 302 {
		t.Errorf("a redirect was followed: %s", resp.Status)
	}
	refused := []struct {
		method, target string
		status         int
	}{
		{"POST", u + "/f.deb", 405},
		{"CONNECT", strings.TrimPrefix(u, "http://"), 405},
		{"GET", "/f.deb", 400},
		{"GET", "ftp://a.example/", 400},
		{"GET", strings.Replace(u, "http://", "http://me:secret@", 1) + "/f.deb", 400},
		{"GET", "http://other.example/", 403},
		{"GET", "http://127.0.0.1:1/", 403},
	}
	for _, tt := range refused {
		if resp := ask(t, socket, tt.method, tt.target); resp.StatusCode != tt.status {
			t.Errorf("%s %s: %s, want %d", tt.method, tt.target, resp.Status, tt.status)
		}
	}
}

// TestForwardBroken: an answer that ends early must not look complete.
func TestForwardBroken(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer upstream.Close()
	socket := forwardTo(t, upstream)
	client := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"}),
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", socket)
		},
	}}
	resp, err := client.Get(upstream.URL)
	if err != nil {
		return // the connection broke before the first byte: as clear
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer passed for a whole one: %s", resp.Status)
	}
}

func TestForwardSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "p")
	log := slog.New(slog.DiscardHandler)
	f, err := NewForward(socket, []string{"a.example"}, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewForward(socket, nil, log); err == nil {
		t.Error("a second proxy took the same socket")
	}
	// A crash leaves the file behind; the next proxy still starts.
	f.listener.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = f.listener.Close()
	again, err := NewForward(socket, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.listener.Close()
	if _, err := NewForward(socket, []string{"http://a.example/"}, log); err == nil {
		t.Error("a URL passed for a host")
	}
}
