//go:build e2e

package tftp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rackhand/provision/janitor/space"
)

// envServe makes TestNoFragments the server, at this address and with this mtu of the
// network. It ends when its standard input does.
const envServe = "RACKHAND_TFTP_E2E_SERVE"

func serveInNamespace(t *testing.T, at string) {
	address, mtu, _ := strings.Cut(at, " ")
	n, err := strconv.Atoi(mtu)
	if err != nil {
		t.Fatal(err)
	}
	b := &testServer{}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	conn, err := listen(ctx, netip.MustParseAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("serves")
	if err := New(Options{Open: b.openFile, Record: b, MTU: func(netip.Addr) int { return n }, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}).Serve(ctx, conn); err != nil {
		t.Fatal(err)
	}
}

// TestNoFragments checks that a client that can't reassemble fragments gets its file,
// whatever block size it asks for, and when its network's MTU is smaller than our link's.
// The clients are common ones; their kernel drops fragments.
func TestNoFragments(t *testing.T) {
	if at := os.Getenv(envServe); at != "" {
		serveInNamespace(t, at)
		return
	}
	for _, tt := range []struct {
		name         string
		client, says int // the MTU of the client's side, and the network's mtu:
	}{
		{"the link's MTU", 1500, 0},
		{"the network's mtu", 1400, 1400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := space.New(t, "tftp-s"), space.New(t, "tftp-c")
			for _, args := range [][]string{
				{"ip", "-n", server, "link", "add", "veth", "type", "veth", "peer", "name", "eth0", "netns", client},
				{"ip", "-n", server, "addr", "add", "10.77.0.1/24", "dev", "veth"},
				{"ip", "-n", client, "addr", "add", "10.77.0.11/24", "dev", "eth0"},
				{"ip", "-n", server, "link", "set", "veth", "up"},
				{"ip", "-n", client, "link", "set", "eth0", "up", "mtu", strconv.Itoa(tt.client)},
				{"ip", "netns", "exec", client, "sh", "-c", "cd /proc/sys/net/ipv4 && echo 0 >ipfrag_low_thresh && echo 0 >ipfrag_high_thresh"},
			} {
				if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %v: %s", args, err, out)
				}
			}
			startServer(t, server, fmt.Sprintf("10.77.0.1:69 %d", tt.says))
			// The test needs a client that really drops fragments.
			ping := func(size int, seconds string) error {
				return exec.Command("ip", "netns", "exec", client, "busybox", "ping", "-c", "1", "-W", seconds, "-s", strconv.Itoa(size), "10.77.0.1").Run()
			}
			if ping(1000, "10") != nil || ping(1600, "1") == nil {
				t.Fatal("the client's kernel takes fragments, or nothing at all")
			}
			for tool, args := range map[string][]string{
				"busybox": {"busybox", "tftp", "-b", "8192", "-g", "-r", "snponly.efi", "-l", "PATH", "10.77.0.1"},
				"curl":    {"curl", "-sS", "--max-time", "60", "--tftp-blksize", "8192", "-o", "PATH", "tftp://10.77.0.1/snponly.efi"},
			} {
				path := filepath.Join(t.TempDir(), tool)
				args := append([]string{"netns", "exec", client}, args...)
				for i := range args {
					if args[i] == "PATH" {
						args[i] = path
					}
				}
				out, err := exec.Command("ip", args...).CombinedOutput()
				if got, _ := os.ReadFile(path); err != nil || !bytes.Equal(got, program) {
					t.Errorf("%s: %d bytes of %d, %v, %s", tool, len(got), len(program), err, out)
				}
			}
		})
	}
}

// startServer runs this test's own program as the server in a namespace.
func startServer(t *testing.T, ns, at string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self, "-test.run=^TestNoFragments$")
	cmd.Env = append(os.Environ(), envServe+"="+at)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	said := make([]byte, len("serves"))
	if _, err := io.ReadFull(stdout, said); err != nil {
		t.Fatalf("the server doesn't serve: %q, %v", said, err)
	}
}
