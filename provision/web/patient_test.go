package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rackhand/provision/connlimit"
)

// fronted serves a handler on loopback until the test ends.
func fronted(t *testing.T, limits connlimit.Limits, h http.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, connlimit.New(limits, nil).Listen(l, true), h, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return l.Addr().String()
}

// say sends a request and returns the first line of the answer, and its body.
func say(t *testing.T, addr, request string) (status, body string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, request)
	all, _ := io.ReadAll(c)
	head, body, _ := strings.Cut(string(all), "\r\n\r\n")
	status, _, _ = strings.Cut(head, "\r\n")
	return status, body
}

// TestOneTooMany: whose connections are all at work is told so.
func TestOneTooMany(t *testing.T) {
	began, end := make(chan bool), make(chan bool)
	addr := fronted(t, connlimit.Limits{PerAddress: 1, Unknown: 10}, Patiently(time.Minute, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		began <- true
		<-end
	})))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	status, body := say(t, addr, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.Contains(status, "503") || !strings.Contains(body, "too many") {
		t.Errorf("%q %q", status, body)
	}
	close(end)
}

// TestReadsNothing: a client that reads nothing of a page ends, and so does its request.
func TestReadsNothing(t *testing.T) {
	ended := make(chan error, 1)
	addr := fronted(t, connlimit.Limits{PerAddress: 9, Unknown: 10}, Patiently(300*time.Millisecond, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20)) // more than the kernel buffers
		ended <- err
	})))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; err == nil {
		t.Error("64 MiB went to a client that reads nothing")
	}
}

// TestForNames: a page answers to its own names; a name that was made to lead here gets
// nothing of it, and is told where names are set.
func TestForNames(t *testing.T) {
	addr := fronted(t, connlimit.Limits{PerAddress: 99, Unknown: 99}, ForNames([]string{"rack.example.org"}, "`page: {names: [...]}`", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "the page")
	})))
	for host, ours := range map[string]bool{
		addr: true, "127.0.0.1": true, "localhost": true, "LOCALHOST:8080": true, "[::1]:8080": true, "rack.example.org": true,
		"Rack.Example.Org.:8080": true, "": true,
		"evil.example.org": false, "127.0.0.1.evil.example": false, "10.0.0.1": false, "rack.example.org.evil.example:80": false, "xrack.example.org": false,
	} {
		status, body := say(t, addr, fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host))
		if got := strings.HasSuffix(body, "the page"); got != ours || !ours && !(strings.Contains(status, "421") && strings.Contains(body, "page: {names")) {
			t.Errorf("Host %q: %q %q", host, status, body)
		}
	}
}
