package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"rackhand/inventory"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/console"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/operate"
	"rackhand/provision/web"
)

// TestEscapes: what is typed, as text and commands, in one piece and byte by byte.
func TestEscapes(t *testing.T) {
	for typed, want := range map[string]string{
		"ls -l ~/x\r":     "ls -l ~/x\r",
		"~.":              "<.>",
		"a~.b":            "a~.b",
		"a\r~.":           "a\r<.>",
		"a\n~B~?x":        "a\n<B><?>x",
		"~~.\r~~~.":       "~.\r~~.",
		"~x\r~":           "~x\r",
		"\x03\x00\x1b[A~": "\x03\x00\x1b[A~",
	} {
		for _, piece := range []int{1000, 1} {
			e := escapes{char: '~', start: true}
			var got strings.Builder
			for b := []byte(typed); len(b) > 0; {
				n := min(piece, len(b))
				for _, s := range e.typed(b[:n]) {
					if got.Write(s.text); s.command != 0 {
						fmt.Fprintf(&got, "<%c>", s.command)
					}
				}
				b = b[n:]
			}
			if got.String() != want {
				t.Errorf("%q in pieces of %d: %q, want %q", typed, piece, got.String(), want)
			}
		}
	}
}

// serial is a console with a pipe behind it.
type serial struct {
	net.Conn
	broke chan struct{}
}

func (s serial) Break() error { close(s.broke); return nil }

// servedConsole serves the operator's socket of an appliance with a host, web1, and gives the
// box's end of its console.
func servedConsole(t *testing.T) (socket string, box net.Conn, broke chan struct{}) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	ours, theirs := net.Pipe()
	broke = make(chan struct{})
	hub := console.New(console.Options{
		Open: func(_ context.Context, _ string, takeover bool) (io.ReadWriteCloser, error) {
			if !takeover {
				return nil, &bmc.Error{Op: "attach to the console", Kind: bmc.ErrConsoleBusy, Err: errors.New("a session of user 2 from 10.77.0.9")}
			}
			return serial{ours, broke}, nil
		},
		Folder: t.TempDir(), Now: time.Now, Log: log,
		Sleep: func(ctx context.Context, _ time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = hub.Run(ctx) }()
	_, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": {Name: "web1", BMC: &inventory.BMC{Address: netip.MustParseAddrPort("10.77.0.111:623")}}}}
	server := web.New(web.Options{
		Journal: j, Log: log, Snapshot: func() *inventory.Snapshot { return snap },
		Operator: &operate.Operator{Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Consoles: hub},
	})
	socket = filepath.Join(t.TempDir(), "sock")
	l, err := web.ListenUnix(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = web.Serve(ctx, l, server.API(), log) }()
	t.Cleanup(func() { stop(); <-done; <-served })
	return socket, theirs, broke
}

// TestConsole runs the command in a terminal: it shows what the box prints, types, sends a
// break, detaches, and leaves the terminal as it was.
func TestConsole(t *testing.T) {
	socket, box, broke := servedConsole(t)
	var out bytes.Buffer
	if err := (&consoleCmd{socketFlag: socketFlag{socket}, Host: "web1", Escape: "~"}).Run(t.Context(), &out); err == nil ||
		!strings.Contains(err.Error(), "a session of user 2 from 10.77.0.9") || !strings.Contains(err.Error(), "--takeover") {
		t.Errorf("held: %v", err)
	}
	if err := (&consoleCmd{socketFlag: socketFlag{socket}, Host: "web9", Escape: "~"}).Run(t.Context(), &out); err == nil {
		t.Error("a console of no host")
	}
	terminal, port, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	cmd := exec.Command("rackhand", "console", "web1", "--takeover", "--socket", socket)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = port, port, port
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); port.Close() }()
	seen := make(chan string, 1000)
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := terminal.Read(b)
			if err != nil {
				close(seen)
				return
			}
			seen <- string(b[:n])
		}
	}()
	all := ""
	shows := func(text string) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for !strings.Contains(all, text) {
			select {
			case s, ok := <-seen:
				if !ok {
					t.Fatalf("it ended after %q", all)
				}
				all += s
			case <-deadline:
				t.Fatalf("%q never came, but %q", text, all)
			}
		}
	}
	shows("console of web1; ~. ends, ~? helps")
	go func() { _, _ = io.WriteString(box, "web1 login: ") }()
	shows("web1 login: ")
	_, _ = io.WriteString(terminal, "root\r\x03~B")
	typed := make([]byte, 6)
	if _, err := io.ReadFull(box, typed); err != nil || string(typed) != "root\r\x03" {
		t.Errorf("typed %q, %v", typed, err)
	}
	_, _ = io.WriteString(terminal, "\r~B")
	if _, err := io.ReadFull(box, typed[:3]); err != nil || string(typed[:3]) != "~B\r" {
		t.Errorf("typed %q, %v", typed[:3], err)
	}
	select {
	case <-broke:
	case <-time.After(20 * time.Second):
		t.Error("no break came")
	}
	_, _ = io.WriteString(terminal, "~.")
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatal("it didn't end")
	}
	var kept bytes.Buffer
	if err := (&consoleCmd{socketFlag: socketFlag{socket}, Host: "web1", Log: true}).Run(t.Context(), &kept); err != nil || !strings.Contains(kept.String(), "web1 login: ") {
		t.Errorf("kept %q, %v", kept.String(), err)
	}
}
