//go:build e2e

package tftp

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRealClients fetches with common clients, and checks that missing files are refused.
func TestRealClients(t *testing.T) {
	b := startWith(t, Options{Known: known})
	port := strconv.Itoa(b.addr.Port)
	for name, client := range map[string]struct {
		pkg  string
		args func(name, path string) []string
		says string // when it is refused
	}{
		"tftp-hpa, binary": {"tftp-hpa", func(name, path string) []string {
			return []string{"tftp", "-m", "binary", "127.0.0.1", port, "-c", "get", name, path}
		}, "file not found"},
		"tftp-hpa, netascii": {"tftp-hpa", func(name, path string) []string {
			return []string{"tftp", "-m", "netascii", "127.0.0.1", port, "-c", "get", name, path}
		}, "file not found"},
		"busybox": {"busybox", func(name, path string) []string {
			return []string{"busybox", "tftp", "-g", "-r", name, "-l", path, "127.0.0.1", port}
		}, "file not found"},
		"busybox, big blocks": {"busybox", func(name, path string) []string {
			return []string{"busybox", "tftp", "-b", "1468", "-g", "-r", name, "-l", path, "127.0.0.1", port}
		}, "file not found"},
		"curl": {"curl", func(name, path string) []string {
			return []string{"curl", "-sS", "--path-as-is", "-o", path, "tftp://127.0.0.1:" + port + "/" + name}
		}, "(68)"}, // TFTP: file not found
		"curl, big blocks": {"curl", func(name, path string) []string {
			return []string{"curl", "-sS", "--path-as-is", "--tftp-blksize", "1468", "-o", path, "tftp://127.0.0.1:" + port + "/" + name}
		}, "(68)"}, // TFTP: file not found
	} {
		t.Run(name, func(t *testing.T) {
			fetch := func(file string) ([]byte, string) {
				path := filepath.Join(t.TempDir(), "got")
				args := client.args(file, path)
				tool, err := exec.LookPath(args[0])
				if err != nil {
					t.Fatalf("%v: install the package %s", err, client.pkg)
				}
				cmd := exec.CommandContext(t.Context(), tool, args[1:]...)
				cmd.WaitDelay = 20 * time.Second
				out, _ := cmd.CombinedOutput()
				got, _ := os.ReadFile(path)
				return got, string(out)
			}
			for _, file := range []string{"snponly.efi", "/snponly.efi", "//grub/x86_64-efi/grub.cfg", `\grub\x86_64-efi\grub.cfg`} {
				if strings.HasPrefix(name, "curl") && strings.Contains(file, `\`) {
					continue // no URL has one
				}
				if got, out := fetch(file); !bytes.Equal(got, program) {
					t.Errorf("%s: %d bytes, %s", file, len(got), out)
				}
			}
			b.later()
			before := len(b.recorded())
			for _, file := range []string{"../../etc/passwd", "/etc/passwd", "missing.efi"} {
				if got, out := fetch(file); len(got) != 0 || !strings.Contains(out, client.says) {
					t.Errorf("%s: %d bytes, %s", file, len(got), out)
				}
			}
			var missed []string
			for _, e := range b.recorded()[before:] {
				if e.Kind == "no-such-file" {
					missed = append(missed, e.Fields["name"])
				}
			}
			if want := []string{"../../etc/passwd", "etc/passwd", "missing.efi"}; !slices.Equal(missed, want) {
				t.Errorf("events of %q, want %q", missed, want)
			}
		})
	}
}

// TestClientGone checks that the server gives up on a client that stops answering after
// some seconds, and frees its slot.
func TestClientGone(t *testing.T) {
	t.Parallel() // it waits, for some 12 s
	b := startWith(t, Options{MaxTransfers: 1, Patience: time.Minute})
	c := dial(t)
	_, tid := exchange(t, c, b.addr, request("snponly.efi"))
	secondBlock(t, c, tid)
	c.Close()
	if h := (raw{asks: 1, acks: 1}).fetch(t, b, dialFrom(t, 2), "blksize", "1024", "tsize", "0"); !bytes.Equal(h.file, program) {
		t.Errorf("the next one got %d bytes", len(h.file))
	}
	if events := b.wait(t, 2); events[0].Kind != "fetch-stopped" || events[0].Fields["bytes"] != "512" || events[0].Fields["why"] != "silence" || events[1].Kind != "fetch" {
		t.Errorf("events %+v", events)
	}
}

// TestLastAckLost checks that a client that disappears after its last block counts as
// complete.
func TestLastAckLost(t *testing.T) {
	t.Parallel() // it waits, for some 12 s
	b := start(t, 0)
	c := dial(t)
	_, tid := exchange(t, c, b.addr, request("snponly.efi", "blksize", "65464"))
	for block := range 2 {
		if data, _ := exchange(t, c, tid, ack(block)); data[1] != 3 {
			t.Fatalf("block %d: % x", block+1, data[:4])
		}
	}
	c.Close()
	b.patient(t, 1)
	if e := b.wait(t, 1)[0]; e.Kind != "fetch" || e.Fields["bytes"] != strconv.Itoa(len(program)) {
		t.Errorf("event %+v", e)
	}
}

// patient waits for as long as a client may be silent.
func (b *testServer) patient(t *testing.T, events int) {
	t.Helper()
	for range 60 {
		b.mu.Lock()
		n := len(b.events)
		b.mu.Unlock()
		if n >= events {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatal("the server never gave up on the client")
}

// TestManyBoxes checks that two hundred boxes that power on at once all get their file with
// the default limits.
func TestManyBoxes(t *testing.T) {
	b := start(t, 0)
	done := make(chan []byte)
	for i := range 200 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 3, byte(i+1))})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() {
			done <- raw{asks: 1, acks: 1}.fetch(t, b, c, "blksize", "1024", "tsize", "0").file
		}()
	}
	for range 200 {
		if file := <-done; !bytes.Equal(file, program) {
			t.Errorf("a box got %d bytes", len(file))
		}
	}
	b.wait(t, 200)
}
