package tftp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pin "github.com/pin/tftp/v3"

	"rackhand/bootfiles"
	"rackhand/provision"
)

// program is bigger than a few blocks of any size, and no multiple of 512.
var program = bytes.Repeat([]byte("rackhand"), 12_345)

type file struct {
	*bytes.Reader
	closed func()
}

func (f file) Close() error { f.closed(); return nil }

// A testServer is a running server on a port of loopback.
type testServer struct {
	addr        *net.UDPAddr
	srv         *Server
	mu          sync.Mutex
	events      []provision.Event
	open        int
	hostLookups int           // how often Host was called
	noHost      bool          // Host knows no address
	ahead       time.Duration // added to the server's clock
	log         bytes.Buffer
}

func (b *testServer) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Add(b.ahead)
}

// later moves the server's clock past the limit of one report a minute.
func (b *testServer) later() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead += time.Hour
}

// Write takes the server's log.
func (b *testServer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

// said counts the lines of the log that contain a text.
func (b *testServer) said(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.log.String(), text)
}

func (b *testServer) Record(e provision.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	return nil
}

func (b *testServer) openFile(_ context.Context, _ netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	switch name {
	case "snponly.efi", "grub/x86_64-efi/grub.cfg":
		b.mu.Lock()
		defer b.mu.Unlock()
		b.open++
		return file{bytes.NewReader(program), func() { b.mu.Lock(); defer b.mu.Unlock(); b.open-- }}, int64(len(program)), nil
	case "initrd.img":
		return kernel{file{bytes.NewReader(program), func() {}}}, int64(len(program)), nil
	case "unreadable.efi":
		return unreadable{file{bytes.NewReader(program), func() {}}}, int64(len(program)), nil
	case "undionly.kpxe":
		return nil, 0, fmt.Errorf("%w: in /a/secret/folder", bootfiles.ErrMissing)
	case "broken.efi":
		return nil, 0, errors.New("input/output error in /a/secret/folder")
	case "panic.efi":
		panic("a bug")
	}
	return nil, 0, fmt.Errorf("%s in /a/secret/folder: %w", name, fs.ErrNotExist)
}

func start(t *testing.T, max int) *testServer {
	t.Helper()
	return startWith(t, Options{MaxTransfers: max})
}

// startWith starts a server with some limits.
func startWith(t testing.TB, o Options) *testServer {
	t.Helper()
	return startAt(t, "127.0.0.1:0", o)
}

func startAt(t testing.TB, addr string, o Options) *testServer {
	t.Helper()
	conn, err := listen(t.Context(), netip.MustParseAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	b := &testServer{addr: conn.LocalAddr().(*net.UDPAddr)}
	o.Open, o.Record, o.Clock = b.openFile, b, b.now
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	o.Host = func(a netip.Addr) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.hostLookups++
		if b.noHost || !a.IsLoopback() {
			return ""
		}
		if ip := a.As4(); ip[2] == 3 { // a rack of boxes
			return fmt.Sprintf("box%d", ip[3])
		}
		return "web1"
	}
	if o.Leased == nil {
		o.Leased = func(a netip.Addr) bool { return a.As4()[2] == 0 } // 127.0.0.0/24
	}
	b.srv = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.srv.Serve(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.open != 0 {
			t.Errorf("%d files were left open", b.open)
		}
	})
	return b
}

func (b *testServer) get(t *testing.T, name string, blksize int) ([]byte, error) {
	t.Helper()
	c, err := pin.NewClient(b.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	if blksize > 0 {
		c.SetBlockSize(blksize)
	}
	c.RequestTSize(true)
	w, err := c.Receive(name, "octet")
	if err != nil {
		return nil, err
	}
	if size, ok := w.(pin.IncomingTransfer).Size(); blksize > 0 && (!ok || size != int64(len(program))) {
		t.Errorf("tsize %d, %v; want %d", size, ok, len(program))
	}
	var got bytes.Buffer
	_, err = w.WriteTo(&got)
	return got.Bytes(), err
}

func TestFetch(t *testing.T) {
	b := start(t, 0)
	for i, tc := range []struct {
		name    string
		blksize int
	}{{"snponly.efi", 0}, {"/snponly.efi", 1468}, {"//snponly.efi", 8192}} {
		got, err := b.get(t, tc.name, tc.blksize)
		if err != nil || !bytes.Equal(got, program) {
			t.Fatalf("%+v: %d bytes, %v", tc, len(got), err)
		}
		e := b.wait(t, i+1)[i]
		if e.Source != "tftp" || e.Kind != "fetch" || e.Stage != provision.Bootfile || e.Host != "web1" || e.Level != "" ||
			e.Fields["name"] != "snponly.efi" || e.Fields["bytes"] != "98760" || e.Fields["milliseconds"] == "" {
			t.Errorf("event %+v", e)
		}
		b.later()
	}
}

// A kernel is a file with a stage.
type kernel struct{ file }

func (kernel) Stage() provision.Stage { return provision.Kernel }

func TestStage(t *testing.T) {
	b := start(t, 0)
	if _, err := b.get(t, "initrd.img", 1468); err != nil {
		t.Fatal(err)
	}
	if e := b.wait(t, 1)[0]; e.Kind != "fetch" || e.Stage != provision.Kernel {
		t.Errorf("event %+v", e)
	}
}

func TestRefuses(t *testing.T) {
	b := start(t, 0)
	for _, name := range []string{"missing.efi", "../etc/passwd", "/../../etc/passwd", "..", "", "/", "a/b", `a\b`, "snponly.efi ", strings.Repeat("a", 300)} {
		_, err := b.get(t, name, 0)
		if err == nil || !strings.Contains(err.Error(), "file not found") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"broken.efi", "panic.efi"} {
		_, err := b.get(t, name, 0)
		if err == nil || !strings.Contains(err.Error(), "server error") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.get(t, "undionly.kpxe", 0); err == nil || !strings.Contains(err.Error(), "file not found") {
		t.Errorf("a missing program: %v", err)
	}
	events := slices.DeleteFunc(b.wait(t, 2), func(e provision.Event) bool { return e.Kind == "no-such-file" })
	if len(events) != 2 || events[0].Kind != "fetch-failed" || events[1].Fields["name"] != "undionly.kpxe" || events[1].Level != provision.LevelError {
		t.Errorf("events %+v", events)
	}
	// Whatever was refused, the server still serves.
	if got, err := b.get(t, "snponly.efi", 0); err != nil || !bytes.Equal(got, program) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
}

func TestReadOnly(t *testing.T) {
	b := start(t, 0)
	c, err := pin.NewClient(b.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send("snponly.efi", "octet"); err == nil || !strings.Contains(err.Error(), "takes no files") {
		t.Errorf("a write: %v", err)
	}
}

// TestSizeProbe does the same as EDK2: ask for tsize, end with error 8, ask again.
// windowsize (RFC 7440) is ignored, since the server doesn't know it.
func TestSizeProbe(t *testing.T) {
	b := start(t, 0)
	for _, code := range []byte{8, 0} {
		c := dial(t)
		oack, from := exchange(t, c, b.addr, request("snponly.efi", "tsize", "0", "blksize", "1468", "windowsize", "4"))
		if binary.BigEndian.Uint16(oack) != 6 || !bytes.Contains(oack, []byte("tsize\x0098760\x00")) || bytes.Contains(oack, []byte("windowsize")) {
			t.Fatalf("option acknowledgement %q", oack)
		}
		sendPacket(t, c, from, []byte{0, 5, 0, code, 'n', 'o', 0})
	}
	if _, err := b.get(t, "snponly.efi", 1468); err != nil {
		t.Fatal(err)
	}
	if events := b.wait(t, 1); len(events) != 1 || events[0].Kind != "fetch" {
		t.Errorf("a probe left an event: %+v", events)
	}
}

// TestStopped checks that a client that ends a transfer early causes a warning.
func TestStopped(t *testing.T) {
	b := start(t, 0)
	c := dial(t)
	data, from := exchange(t, c, b.addr, request("snponly.efi"))
	if len(data) != 516 || binary.BigEndian.Uint16(data) != 3 {
		t.Fatalf("first block: %d bytes", len(data))
	}
	secondBlock(t, c, from)
	sendPacket(t, c, from, []byte{0, 5, 0, 3, 'f', 'u', 'l', 'l', 0})
	e := b.wait(t, 1)[0]
	want := map[string]string{
		"name": "snponly.efi", "address": "127.0.0.1", "bytes": "512", "size": "98760", "packets": "1", "blksize": "512", "stage": "bootfile",
		"why": "error", "code": "3", "error": "full",
	}
	if diff := cmp.Diff(want, e.Fields); e.Kind != "fetch-stopped" || e.Level != provision.LevelWarn || e.Stage != "" || diff != "" {
		t.Errorf("event %+v: %s", e, diff)
	}
}

// TestStrangersLeaveNoEvents checks that clients without an address from us can't fill the
// journal.
func TestStrangersLeaveNoEvents(t *testing.T) {
	b := start(t, 0)
	b.mu.Lock()
	b.noHost = true
	b.mu.Unlock()
	for _, name := range []string{"snponly.efi", "undionly.kpxe", "pxelinux.0"} {
		_, err := b.get(t, name, 0)
		if (err == nil) != (name == "snponly.efi") {
			t.Fatal(err)
		}
	}
	c := dial(t)
	_, from := exchange(t, c, b.addr, request("initrd.img"))
	sendPacket(t, c, from, []byte{0, 5, 0, 3, 0})
	for i := range provision.FloodMost + 10 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 9, byte(i+1))})
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, c, b.addr, request("undionly.kpxe"))
		c.Close()
	}
	b.waitLookups(t, 4+provision.FloodMost+10)
	if over := b.flooded(); len(over) > 0 {
		t.Errorf("strangers' events are summed up: %+v", over)
	}
	b.mu.Lock()
	b.noHost = false
	b.mu.Unlock()
	b.later()
	if _, err := b.get(t, "undionly.kpxe", 0); err == nil {
		t.Fatal("a missing program was sent")
	}
	if events := b.wait(t, 1); len(events) != 1 || events[0].Kind != "fetch-failed" {
		t.Errorf("events %+v", events)
	}
}

// TestHostIsAskedSparingly checks that requests for missing files, or for sizes alone,
// don't each cause a lookup of the host, which searches all leases.
func TestHostIsAskedSparingly(t *testing.T) {
	b := start(t, 0)
	for range 5 {
		if _, err := b.get(t, "no-such-file", 0); err == nil {
			t.Fatal("a file that isn't there was sent")
		}
		if _, err := b.get(t, "undionly.kpxe", 0); err == nil { // missing, and reported once
			t.Fatal("a missing program was sent")
		}
	}
	b.wait(t, 2)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hostLookups != 2 {
		t.Errorf("%d lookups of the host for two events", b.hostLookups)
	}
}

// TestShutdown checks that Serve returns while a transfer waits for a client that has gone,
// and that the transfer is not said to have stopped for the client's sake.
func TestShutdown(t *testing.T) {
	var b *testServer
	t.Cleanup(func() {
		if events := b.recorded(); len(events) > 0 {
			t.Errorf("events %+v", events)
		}
	})
	b = start(t, 0)
	exchange(t, dial(t), b.addr, request("snponly.efi"))
	// The cleanup of start cancels, waits for Serve and looks for open files.
}

// TestAnswersFromTheAddressAsked checks the source address of answers. Firmware accepts
// only the address that it asked, and the kernel would use the first one of the interface.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	b := startAt(t, "127.0.0.9:0", Options{})
	if _, from := exchange(t, dial(t), b.addr, request("snponly.efi")); !from.IP.Equal(net.IPv4(127, 0, 0, 9)) {
		t.Errorf("answered from %v", from)
	}
}

func TestPortTaken(t *testing.T) {
	b := start(t, 0)
	s := New(Options{Listen: b.addr.AddrPort(), Open: b.openFile, Record: b})
	if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "another TFTP server") {
		t.Errorf("second server on the port: %v", err)
	}
}

func TestProbe(t *testing.T) {
	for text, want := range map[string]bool{
		"sending block 0: code=0, error: User aborted":      true,
		"sending block 0: code=8, error: tsize only":        true,
		"sending block 5: code=8, error: bad":               true,
		"sending block 5: code=3, error: disk is full":      false,
		"sending block 5: code=0, error: code=8, ":          false,
		"read udp 127.0.0.1:69: i/o timeout, code=8, error": false,
	} {
		if got := probe(errors.New(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
