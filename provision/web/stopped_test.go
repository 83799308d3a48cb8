package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
	"rackhand/provision"
	"rackhand/provision/web"
)

// bigSize is more than the kernel buffers of a connection, in bytes.
const bigSize = 64 << 20

// onLoopback serves port 80's routes of a testServer on a port of loopback. web1 has the
// address 127.0.0.11, and its image's kernel is big.
func onLoopback(t *testing.T) (r *testServer, at string) {
	t.Helper()
	r = newTestServer(t)
	r.snap.Hosts["web1"].Address = netip.MustParseAddr("127.0.0.11")
	r.leases[web1MAC] = "127.0.0.11"
	for _, path := range []string{filepath.Join(r.images, "debian12", image.KernelFile), filepath.Join(r.images, "big.efi")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, bigSize); err != nil {
			t.Fatal(err)
		}
	}
	r.options.Files = bootfiles.New([]string{r.images})
	r.serve()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- web.Serve(ctx, l, r.boot, r.options.Log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return r, l.Addr().String()
}

// request sends a request from an address, and returns the connection and the answer.
func request(t *testing.T, from, to, method, path, span string) (*net.TCPConn, *http.Response) {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if span != "" {
		span = "Range: " + span + "\r\n"
	}
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, path, span)
	req, err := http.NewRequestWithContext(t.Context(), method, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), req)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), res
}

// breakOff fetches a part of a file, and closes or resets the connection.
func breakOff(t *testing.T, from, to, path string, bytes int64, reset bool) {
	t.Helper()
	c, res := request(t, from, to, "GET", path, "")
	if _, err := io.CopyN(io.Discard, res.Body, bytes); err != nil {
		t.Fatal(err)
	}
	if reset {
		_ = c.SetLinger(0)
	}
	c.Close()
}

// awaitKinds waits until a host has a number of events of a kind, and returns them.
func (r *testServer) awaitKinds(host, kind string, n int) (found []provision.Event) {
	r.t.Helper()
	for range 1000 {
		events, err := r.journal.Events(r.t.Context(), host, 0)
		if err != nil {
			r.t.Fatal(err)
		}
		found = nil
		for _, e := range events {
			if e.Kind == kind {
				found = append(found, e)
			}
		}
		if len(found) >= n {
			return found
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatalf("%d events %s of %s, want %d", len(found), kind, host, n)
	return nil
}

// TestFetchStopped checks the event of a client that breaks off a file of its install. A
// file that is fetched whole, HEAD and ranges leave none; neither do machines without an
// install.
func TestFetchStopped(t *testing.T) {
	r, at := onLoopback(t)
	const kernel, program = "/image/debian12/vmlinuz", "/boot/file/big.efi"
	for _, path := range []string{kernel, program} {
		breakOff(t, "127.0.0.11", at, path, 1<<20, true) // no install is under way
		breakOff(t, "127.0.0.9", at, path, 1<<20, true)  // of no host
	}
	r.arm("web1")
	breakOff(t, "127.0.0.9", at, kernel, 1<<20, true)
	for _, path := range []string{kernel, program} {
		for method, span := range map[string]string{"HEAD": "", "GET": "bytes=0-1023"} {
			_, res := request(t, "127.0.0.11", at, method, path, span)
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	breakOff(t, "127.0.0.11", at, kernel, 1<<20, false)
	breakOff(t, "127.0.0.11", at, kernel, 3<<20, true) // within a minute
	breakOff(t, "127.0.0.11", at, program, 1<<20, true)
	events := r.awaitKinds("web1", "fetch-stopped", 2)
	// Each connection is served by its own goroutine: the later one may be the first to notice.
	slices.SortFunc(events, func(a, b provision.Event) int { return strings.Compare(a.Fields["file"], b.Fields["file"]) })
	for i, file := range []string{"big.efi", "vmlinuz"} {
		f := events[i].Fields
		bytes, err := strconv.ParseInt(f["bytes"], 10, 64)
		if f["file"] != file || f["address"] != "127.0.0.11" || f["size"] != fmt.Sprint(bigSize) || f["why"] != "closed" ||
			err != nil || bytes < 1<<20 || bytes >= bigSize || events[i].Level != provision.LevelWarn || events[i].Stage != "" {
			t.Errorf("event %+v", events[i])
		}
	}
	_, res := request(t, "127.0.0.11", at, "GET", kernel, "")
	if n, err := io.Copy(io.Discard, res.Body); n != bigSize || err != nil {
		t.Errorf("the whole kernel: %d bytes, %v", n, err)
	}
	r.awaitKinds("web1", "fetch", 1)
	if n := len(r.awaitKinds("web1", "fetch-stopped", 2)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	for _, host := range []string{"", "127.0.0.9"} {
		events, err := r.journal.Events(t.Context(), host, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Host != "web1" {
				t.Errorf("a stranger left %+v", e)
			}
		}
	}
}

// TestSizeByGET checks that firmware which closes the connection after the header, and then
// fetches the program, raises no warning.
func TestSizeByGET(t *testing.T) {
	r, at := onLoopback(t)
	r.arm("web1")
	// A small window, so that its kernel acknowledges little.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.11")}, Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 8192) })
	}}
	c, err := d.DialContext(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /boot/file/big.efi HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := c.Read(make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if e := r.awaitKinds("web1", "fetch-stopped", 1)[0]; e.Level != "" {
		t.Errorf("event %+v", e)
	}
}

// A brokenWriter is a connection whose client is gone after a few bytes.
type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) {
	return 5, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
}

// TestMediaStopped checks the same for files of media, also those whose fetch is no event.
func TestMediaStopped(t *testing.T) {
	r, _ := anacondaServer(t)
	r.arm("web1")
	for _, path := range []string{"images/pxeboot/initrd.img", "BaseOS/repodata/repomd.xml"} {
		req := httptest.NewRequest("GET", "/media/rocky9/"+path, nil)
		req.RemoteAddr = "10.77.0.11:1024"
		r.boot.ServeHTTP(brokenWriter{httptest.NewRecorder()}, req)
	}
	for i, want := range []string{"initrd.img warn", "repomd.xml "} {
		e := r.awaitKinds("web1", "fetch-stopped", 2)[i]
		if !strings.HasSuffix(e.Fields["file"]+" "+e.Level, want) || e.Fields["bytes"] != "5" {
			t.Errorf("event %+v", e)
		}
	}
}

// TestNoSuchBootFile checks that only a host in an install leaves an event of a name that we
// don't have.
func TestNoSuchBootFile(t *testing.T) {
	r := newTestServer(t)
	ask := func(from string) { r.want(r.ask(r.boot, from, "GET", "/boot/file/bootmgfw.efi", ""), 404) }
	ask("10.77.0.11")
	r.arm("web1")
	ask("10.77.0.11")
	ask("10.77.0.11")
	ask("10.77.0.99")
	events, err := r.journal.Events(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range events {
		if e.Kind != "no-such-file" {
			continue
		}
		if found++; e.Host != "web1" || e.Fields["name"] != "bootmgfw.efi" || e.Level != provision.LevelWarn {
			t.Errorf("event %+v", e)
		}
	}
	if found != 1 {
		t.Errorf("%d events, want 1", found)
	}
}
