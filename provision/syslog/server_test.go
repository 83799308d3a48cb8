package syslog

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision"
)

// A testReceiver is a receiver on loopback, with the lines and progress that it reports.
type testReceiver struct {
	t        *testing.T
	tcp, udp net.Addr

	mu       sync.Mutex
	install  Install
	lines    []string
	progress []Progress
	changed  chan struct{}
}

func newTestReceiver(t *testing.T) *testReceiver {
	t.Helper()
	r := &testReceiver{t: t, install: Install{Host: "web1", ID: "web1-1", Attempt: 1}, changed: make(chan struct{}, 1)}
	s := New(Options{
		Listen: netip.MustParseAddrPort("127.0.0.1:0"),
		Sender: func(context.Context, netip.Addr) Install {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.install
		},
		Keep: func(id, text string, connected bool) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			_, line, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
			r.lines = append(r.lines, id+" "+line)
			r.tell()
			return nil
		},
		Mask: func(line string, known func(string) string) string { return strings.ReplaceAll(line, "hunter2", "***") },
		OnProgress: func(p Progress) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.progress = append(r.progress, p)
			r.tell()
			return nil
		},
		Record: provision.RecorderFunc(func(provision.Event) error { return nil }),
		Clock:  time.Now, Log: slog.New(slog.DiscardHandler),
	})
	x, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	r.tcp, r.udp = x.Addresses()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, x) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *testReceiver) tell() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// until waits for results that arrive over the network, whatever time that takes.
func (r *testReceiver) until(what string, fits func() bool) {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		ok := fits()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.changed:
		case <-deadline:
			r.t.Fatalf("%s: lines %q, progress %v", what, r.lines, r.progress)
		}
	}
}

func (r *testReceiver) dial(to net.Addr) net.Conn {
	r.t.Helper()
	c, err := net.Dial(to.Network(), to.String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

func TestReceiver(t *testing.T) {
	r := newTestReceiver(t)
	tcp, udp := r.dial(r.tcp), r.dial(r.udp)
	fmt.Fprint(tcp, "<14>Nov 26 23:12:01 h anaconda: password is hunter2\n")
	r.until("a line over TCP", func() bool { return len(r.lines) == 1 })
	fmt.Fprint(udp, "<11>Nov 26 23:12:01 h anaconda: Installing bash.x86_64 (1/2)")
	r.until("a datagram", func() bool { return len(r.progress) == 1 })
	counted := "<14>1 - - anaconda - - - Installing b.noarch (2/2)"
	fmt.Fprintf(tcp, "%d %s", len(counted), counted)
	r.until("a counted one", func() bool { return len(r.progress) == 2 })
	want := "web1-1 info anaconda: password is ***\nweb1-1 err anaconda: Installing bash.x86_64 (1/2)\nweb1-1 info anaconda: Installing b.noarch (2/2)"
	if got := strings.Join(r.lines, "\n"); got != want {
		t.Errorf("kept:\n%s", got)
	}
	if p := r.progress[0]; p.Connected || p.N != 1 || p.Total != 2 || p.Package != "bash.x86_64" {
		t.Errorf("by UDP: %+v", p)
	}
	if p := r.progress[1]; !p.Connected || p.N != 2 {
		t.Errorf("by TCP: %+v", p)
	}
}

// TestSecretPackage checks that a package's name isn't reported when it is a secret, or a
// part of one. The package counts all the same.
func TestSecretPackage(t *testing.T) {
	for _, text := range []string{"packaging: Installed: hunter2 17 SUM", "Installing hunter2.x86_64 (1/2)", "packaging: Installed: my-hunter2-1.0.noarch 17 SUM"} {
		r := newTestReceiver(t)
		fmt.Fprintf(r.dial(r.tcp), "<14>Nov 26 23:12:01 h anaconda: %s\n", text)
		r.until("a package", func() bool { return len(r.progress) == 1 })
		if p := r.progress[0]; p.N != 1 || p.Package != "" {
			t.Errorf("%s: %+v", text, p)
		}
	}
}

// TestUnknownSender checks that an address without an install under way is ignored, and
// that its connection is closed.
func TestUnknownSender(t *testing.T) {
	r := newTestReceiver(t)
	r.mu.Lock()
	r.install = Install{Host: "web1"}
	r.mu.Unlock()
	c := r.dial(r.tcp)
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a stranger's connection is answered")
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("a stranger's connection is held")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) > 0 {
		t.Errorf("kept: %q", r.lines)
	}
}

// TestManyConnections checks that one box can hold a limited number of connections, and
// that others still connect.
func TestManyConnections(t *testing.T) {
	r := newTestReceiver(t)
	for range maxPerHost {
		fmt.Fprint(r.dial(r.tcp), "<14>here\n")
	}
	r.until("all that may", func() bool { return len(r.lines) == maxPerHost })
	c := r.dial(r.tcp)
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("one more is held")
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("one more is held")
	}
}
