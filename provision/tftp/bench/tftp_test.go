//go:build bench

// Package bench measures TFTP servers side by side.
package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	clients  = 100
	fileSize = 1 << 20
	fileName = "boot.efi"
)

// envInside says that this process is in a network namespace of its own.
const envInside = "RACKHAND_TFTP_BENCH_INSIDE"

func TestMain(m *testing.M) {
	if what := os.Getenv(envServe); what != "" {
		fmt.Fprintln(os.Stderr, serve(what))
		os.Exit(1)
	}
	if os.Getenv(envInside) == "" {
		os.Exit(inside())
	}
	os.Exit(m.Run())
}

// inside runs this binary again in a network namespace that ends with it, where
// nothing but its own loopback can hear port 69.
func inside() int {
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), envInside+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "in a network namespace: %v (this needs root)\n", err)
		return 1
	}
	return 0
}

// A run is what 100 clients took.
type run struct {
	took     time.Duration // until the last one had its file
	late     int           // clients that were given up
	repeated int           // what all clients sent again
}

// race lets all clients fetch at once. Client i has the same luck with every server
// in the same round.
func race(t *testing.T, server netip.Addr, loss float64, round int, want [sha256.Size]byte) run {
	t.Helper()
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		out run
	)
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			// Each client has an address of its own, as boxes have.
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 77, 69, byte(i+101))})
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			l := &link{conn: conn, rand: rand.New(rand.NewPCG(uint64(i), uint64(round))), loss: loss}
			sum, repeated, err := fetch(ctx, l, netip.AddrPortFrom(server, 69), fileName)
			mu.Lock()
			defer mu.Unlock()
			out.repeated += repeated
			switch {
			case ctx.Err() != nil && err != nil:
				out.late++
			case err != nil:
				t.Errorf("client %d at %s, %g loss: %v", i, server, loss, err)
			case sum != want:
				t.Errorf("client %d at %s: got another file", i, server)
			}
		})
	}
	wg.Wait()
	out.took = time.Since(began)
	return out
}

// up waits for a server to answer.
func up(t *testing.T, p peer, want [sha256.Size]byte) {
	t.Helper()
	for range 50 {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 77, 69, 100)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		sum, _, err := fetch(ctx, &link{conn: conn}, netip.AddrPortFrom(p.addr, 69), fileName)
		cancel()
		conn.Close()
		if err == nil && sum == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s doesn't serve", p.name)
}

// unpack gets the servers that aren't installed.
func unpack(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("RACKHAND_PEERS"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "rackhand-peers")
}

func TestTFTP(t *testing.T) {
	// in.tftpd binds to no address of a machine that has none but 127.0.0.1.
	for _, args := range []string{"link set lo up", "addr add 10.77.69.1/24 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s(needs the package iproute2)", args, err, out)
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, fileSize)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(content); i++ {
		content[i] = byte(r.Uint32())
	}
	want := sha256.Sum256(content)
	if err := os.WriteFile(filepath.Join(dir, fileName), content, 0o644); err != nil {
		t.Fatal(err)
	}
	var servers []peer
	for _, p := range peers(unpack(t)) {
		if only := os.Getenv("RACKHAND_TFTP_BENCH_ONLY"); only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		var log bytes.Buffer
		stop, err := p.start(dir, &log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			stop()
			if t.Failed() {
				t.Logf("%s: %s", p.name, log.String())
			}
		})
		up(t, p, want)
		servers = append(servers, p)
	}
	for _, loss := range []float64{0, 0.01, 0.05} {
		for _, p := range servers {
			r := race(t, p.addr, loss, 1, want)
			fmt.Printf("%s %g %+v\n", p.name, loss, r)
		}
	}
}
