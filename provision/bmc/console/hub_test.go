package console_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/console"
)

// box is the serial port of a box whose BMC has one console.
type box struct {
	mu     sync.Mutex
	end    net.Conn // the box's end of the open console; nil: none is open
	opened int
	taken  int   // with takeover
	refuse error // instead of a console
}

func (b *box) open(_ context.Context, _ string, takeover bool) (io.ReadWriteCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if takeover {
		b.taken++
		b.refuse = nil
	}
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.opened++
	ours, theirs := net.Pipe()
	b.end = theirs
	return ours, nil
}

func (b *box) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = err
}

func (b *box) port() net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.end
}

func (b *box) prints(t *testing.T, text string) {
	t.Helper()
	if _, err := b.port().Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// started is a hub of one box, with a clock that stands and short waits.
func started(t *testing.T, b *box, recorded func() []string) (*console.Hub, string, func()) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "consoles")
	h := console.New(console.Options{
		Open: b.open, Recorded: recorded, Folder: dir, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		Sleep: func(ctx context.Context, _ time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond):
			}
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	end := sync.OnceFunc(func() { stop(); <-done })
	t.Cleanup(end)
	until(t, "the hub runs", func() bool {
		a, err := h.Attach(t.Context(), "ready", console.How{ReadOnly: true})
		if err == nil {
			a.Close()
		}
		return err == nil || !strings.Contains(err.Error(), "starting")
	})
	until(t, "nothing is open", func() bool { return b.port() == nil || gone(b.port()) })
	return h, dir, end
}

func gone(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	_ = c.SetReadDeadline(time.Time{})
	return errors.Is(err, io.EOF)
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 5000 {
		if f() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("waited in vain: %s", what)
}

// reads reads output until it contains a text.
func reads(t *testing.T, a *console.Attachment, text string) string {
	t.Helper()
	var all strings.Builder
	deadline := time.After(10 * time.Second)
	for !strings.Contains(all.String(), text) {
		select {
		case b, ok := <-a.Output():
			if !ok {
				t.Fatalf("it ended after %q", all.String())
			}
			all.Write(b)
		case <-deadline:
			t.Fatalf("%q never came, but %q", text, all.String())
		}
	}
	return all.String()
}

func attach(t *testing.T, h *console.Hub, how console.How) *console.Attachment {
	t.Helper()
	a, err := h.Attach(t.Context(), "web1", how)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// TestConsole: what a box prints reaches all who look; one of them types; the console is lost
// and comes back; its end is kept.
func TestConsole(t *testing.T) {
	b := &box{}
	h, dir, _ := started(t, b, nil)
	one := attach(t, h, console.How{})
	b.prints(t, "login: ")
	reads(t, one, "login: ")
	two := attach(t, h, console.How{})
	reads(t, two, "login: ") // the end of what was kept
	if _, err := two.Write([]byte("x")); !errors.Is(err, console.ErrReadOnly) {
		t.Errorf("the second one types: %v", err)
	}
	go func() { _, _ = one.Write([]byte("root\r")) }()
	typed := make([]byte, 5)
	if _, err := io.ReadFull(b.port(), typed); err != nil || string(typed) != "root\r" {
		t.Errorf("typed %q, %v", typed, err)
	}
	three := attach(t, h, console.How{Takeover: true})
	reads(t, one, "another operator types")
	if _, err := one.Write([]byte("x")); !errors.Is(err, console.ErrReadOnly) {
		t.Errorf("the first one still types: %v", err)
	}
	if err := three.Break(); !errors.Is(err, bmc.ErrUnsupported) {
		t.Errorf("break: %v", err)
	}
	// The power goes, and the BMC drops the session.
	before := b.port()
	_ = before.Close()
	reads(t, one, "no console: EOF; rackhand tries again")
	until(t, "it is open again", func() bool { return b.port() != before })
	b.prints(t, "BIOS\r\n")
	reads(t, one, "BIOS")
	if info, err := os.Stat(filepath.Join(dir, "web1.log")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log: %v, %v", info, err)
	}
	// Once nobody looks, the session ends.
	for _, a := range []*console.Attachment{one, two, three} {
		a.Close()
		a.Close()
	}
	until(t, "the session ends", func() bool { return gone(b.port()) })
	if tail := h.Tail("web1", 1000); !strings.Contains(tail, "login: ") || !strings.Contains(tail, "[rackhand: console of web1, 2026-01-02 03:04:05 UTC]") {
		t.Errorf("kept: %q", tail)
	}
	again := attach(t, h, console.How{})
	b.prints(t, "still there")
	reads(t, again, "still there")
}

// TestHeld: a console that another client holds is an error, and takeover detaches that.
func TestHeld(t *testing.T) {
	b := &box{}
	h, _, end := started(t, b, nil)
	held := &bmc.Error{Kind: bmc.ErrConsoleBusy}
	b.set(held)
	if _, err := h.Attach(t.Context(), "web1", console.How{}); !errors.Is(err, bmc.ErrConsoleBusy) {
		t.Errorf("held: %v", err)
	}
	a := attach(t, h, console.How{Takeover: true})
	if b.taken != 1 {
		t.Errorf("taken over %d times", b.taken)
	}
	end()
	for range a.Output() { // the hub's end is the attachment's
	}
	if _, err := h.Attach(t.Context(), "web1", console.How{}); err == nil {
		t.Error("attached to a hub that has ended")
	}
}

// TestRecorded: a console is recorded without anybody attached, while that is wanted; a BMC
// without a console costs one message.
func TestRecorded(t *testing.T) {
	b := &box{}
	var mu sync.Mutex
	var want []string
	h, _, _ := started(t, b, func() []string { mu.Lock(); defer mu.Unlock(); return want })
	before := b.port()
	set := func(hosts ...string) { mu.Lock(); defer mu.Unlock(); want = hosts }
	b.set(&bmc.Error{Kind: bmc.ErrConsoleOff})
	set("web1")
	until(t, "the refusal is kept", func() bool { return strings.Contains(h.Tail("web1", 1000), "switched off") })
	b.set(nil)
	until(t, "it is open", func() bool { return b.port() != before })
	if n := strings.Count(h.Tail("web1", 10000), "switched off"); n != 1 {
		t.Errorf("told %d times", n)
	}
	b.prints(t, "Kernel panic")
	until(t, "it is kept", func() bool { return strings.HasSuffix(h.Tail("web1", 12), "Kernel panic") })
	set()
	until(t, "the session ends", func() bool { return gone(b.port()) })
}

// TestBounded: a MiB is kept at most, and its end is read over both files.
func TestBounded(t *testing.T) {
	b := &box{}
	h, dir, _ := started(t, b, nil)
	a := attach(t, h, console.How{ReadOnly: true})
	go func() {
		for range a.Output() {
		}
	}()
	for range 450 {
		b.prints(t, strings.Repeat("0123456789abcdef", 256))
	}
	b.prints(t, "the end")
	until(t, "all is kept", func() bool { return strings.HasSuffix(h.Tail("web1", 100), "the end") })
	var sum int64
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && strings.HasPrefix(f.Name(), "web1") {
			sum += info.Size()
		}
	}
	if sum > 1<<20 {
		t.Errorf("%d bytes are kept", sum)
	}
	if got := len(h.Tail("web1", 700<<10)); got != 700<<10 {
		t.Errorf("%d bytes of the end", got)
	}
}
