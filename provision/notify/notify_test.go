package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"rackhand/provision/notify"
)

// collected is a manager that keeps what it was told.
func collected() (*notify.Manager, func() []string) {
	var mu sync.Mutex
	var said []string
	m := notify.New(func(state string) error {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, state)
		return nil
	}, slog.New(slog.DiscardHandler))
	return m, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(said) }
}

// TestParts: READY comes when the last part is ready, once, whatever a part calls twice.
func TestParts(t *testing.T) {
	m, said := collected()
	parts := append(m.Parts(2), m.Parts(1)...)
	parts[0]()
	parts[0]()
	parts[2]()
	if got := said(); len(got) > 0 {
		t.Fatalf("told %q before all parts were ready", got)
	}
	parts[1]()
	parts[1]()
	if got := said(); !slices.Equal(got, []string{"READY=1\nSTATUS=serves"}) {
		t.Errorf("told %q", got)
	}
}

// TestNil: without a manager nothing is said, and nothing breaks.
func TestNil(t *testing.T) {
	var m *notify.Manager
	m.Status("waits")
	for _, ready := range m.Parts(1) {
		ready()
	}
	m.Stopping()
}

// TestWatch: the manager is told only after a check that went well.
func TestWatch(t *testing.T) {
	m, said := collected()
	tick, ctx := make(chan time.Time), context.Background()
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan error, 1)
	done := make(chan error, 1)
	go func() {
		done <- m.Watch(ctx, tick, func(context.Context) error { return <-results })
	}()
	for _, err := range []error{nil, errors.New("the database hangs"), nil} {
		results <- err
		tick <- time.Time{}
	}
	// The check of a third tick has ended once a fourth is taken.
	results <- errors.New("last")
	tick <- time.Time{}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := []string{"WATCHDOG=1", "STATUS=doesn't work: the database hangs", "WATCHDOG=1"}
	if got := said(); len(got) < 3 || !slices.Equal(got[:3], want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestSystemd: the manager's socket gets the datagrams.
func TestSystemd(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	m := notify.Systemd(slog.New(slog.DiscardHandler))
	m.Status("waits for eth1")
	m.Stopping()
	buf := make([]byte, 100)
	for _, want := range []string{"STATUS=waits for eth1", "STOPPING=1\nSTATUS=stops"} {
		n, err := l.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("%q, %v; want %q", buf[:n], err, want)
		}
	}
}

// TestInterval: a third of what the unit allows.
func TestInterval(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "180000000")
	if got := notify.Interval(); got != time.Minute {
		t.Errorf("%v", got)
	}
	t.Setenv("WATCHDOG_USEC", "nonsense")
	if got := notify.Interval(); got != 0 {
		t.Errorf("%v", got)
	}
}
