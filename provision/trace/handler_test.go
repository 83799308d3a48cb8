package trace

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
)

// TestHandler checks what is recorded of a request, and that no answer is changed.
func TestHandler(t *testing.T) {
	const token = "aB3dEfGh1JkLmN0pQrStUvWxYz234567"
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	routes.HandleFunc("/i/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the token "+token+" is wrong\nsecond line", http.StatusForbidden)
	})
	routes.HandleFunc("/secret", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "rootpw hunter2") })
	routes.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("no ", 60)+token+" more", http.StatusForbidden)
	})
	routes.HandleFunc("/breaks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9000")
		_, _ = io.WriteString(w, "beginning")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	var got []HTTP
	done := make(chan HTTP, 1)
	srv := httptest.NewServer(Handler(func(f Fact) { done <- f.(HTTP) }, false, time.Now, routes))
	defer srv.Close()
	for _, path := range []string{"/file", "/i/" + token + "/ks?" + token, "/secret", "/breaks", "/none", "/long"} {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		h := <-done
		if h.Status != resp.StatusCode || h.Bytes != n {
			t.Errorf("%s: %d bytes, status %d: %+v", path, n, resp.StatusCode, h)
		}
		h.Took = 0
		got = append(got, h)
	}
	peer := got[0].Peer
	for i, want := range []HTTP{
		{Peer: peer, Method: "GET", Path: "/file", Status: 200, Bytes: 5000, Size: 5000},
		{Peer: peer, Method: "GET", Path: "/i/…/ks?…", Status: 403, Bytes: 64, Size: -1, Said: "the token … is wrong"},
		{Peer: peer, Method: "GET", Path: "/secret", Status: 200, Bytes: 14, Size: -1},
		{Peer: peer, Method: "GET", Path: "/breaks", Status: 200, Bytes: 9, Size: 9000},
		{Peer: peer, Method: "GET", Path: "/none", Status: 404, Bytes: 19, Size: -1, Said: "404 page not found"},
		// Cut within the token.
		{Peer: peer, Method: "GET", Path: "/long", Status: 403, Bytes: 218, Size: -1, Said: strings.TrimSpace(strings.Repeat("no ", 60))},
	} {
		if got[i] != want {
			t.Errorf("got  %+v\nwant %+v", got[i], want)
		}
	}
	if !peer.IsLoopback() {
		t.Error(peer)
	}
}

// TestStream checks the operator's stream: what is there, what comes, and its end.
func TestStream(t *testing.T) {
	l := newLab()
	l.Record(get("/a"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = l.Stream(w, r, func() ([]inventory.MAC, error) { return []inventory.MAC{web1}, nil })
	}))
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	next := func() string {
		b := make([]byte, 4096)
		n, err := resp.Body.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	if got := next(); !strings.Contains(got, `"text":"HTTP GET /a: 200`) || strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
	l.Record(get("/b"))
	if got := next(); !strings.Contains(got, `"text":"HTTP GET /b: 200`) || strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
	plain, err := http.Get(srv.URL + "/?after=1")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	if all, _ := io.ReadAll(plain.Body); strings.Count(string(all), "\n") != 1 || !strings.Contains(string(all), "/b") {
		t.Errorf("%s", all)
	}
}
