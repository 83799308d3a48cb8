//go:build bench

// Package bench measures TFTP servers side by side: how long 100 clients need for a
// boot program each, on a link that loses nothing, 1% and 5% of what is sent either
// way. It needs root, for a network namespace of its own:
//
//	go test -tags bench -run TestTFTP -v ./provision/tftp/bench
//
// RACKHAND_PEERS is the folder that .ci/peers has unpacked tftpd-hpa and atftpd into;
// without it they are fetched into the user's cache. RACKHAND_TFTP_BENCH_ROUNDS is how
// often the others run under loss (1), which is what takes the time.
package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/bench"
)

const (
	clients  = 100
	fileSize = 1 << 20
	fileName = "boot.efi"
	rounds   = 3 // of ours, and of all where nothing is lost
)

var write = flag.Bool("write", false, "put the table into docs/performance.md")

// envInside says that this process is in a network namespace of its own.
const envInside = "RACKHAND_TFTP_BENCH_INSIDE"

// envPeers is the folder of unpacked packages.
const envPeers = "RACKHAND_PEERS"

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
	peers, err := unpack()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), envInside+"=yes", envPeers+"="+peers)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "in a network namespace: %v (this needs root)\n", err)
		return 1
	}
	return 0
}

// unpack gets the servers that must not be installed: they'd start on the machine's
// own interface, and conflict.
func unpack() (string, error) {
	if dir := os.Getenv(envPeers); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("a folder for the other servers: %w; name one in %s", err, envPeers)
	}
	dir := filepath.Join(cache, "rackhand-peers")
	if out, err := exec.Command("../../../.ci/peers", dir, "tftpd-hpa", "atftpd").CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack the other servers with .ci/peers: %w: %s", err, out)
	}
	return dir, nil
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

// place prepares the namespace and a file to serve.
func place(t *testing.T) (dir string, want [sha256.Size]byte) {
	t.Helper()
	// in.tftpd binds to no address of a machine that has none but 127.0.0.1.
	for _, args := range []string{"link set lo up", "addr add 10.77.69.1/24 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s(needs the package iproute2)", args, err, out)
		}
	}
	dir = t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // for servers that give up root
		t.Fatal(err)
	}
	content := make([]byte, fileSize)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	if err := os.WriteFile(filepath.Join(dir, fileName), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, sha256.Sum256(content)
}

// servers starts all of them; they run until the test ends.
func servers(t *testing.T, dir string, want [sha256.Size]byte) []peer {
	t.Helper()
	all := peers(os.Getenv(envPeers))
	for _, p := range all {
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
	}
	return all
}

func TestTFTP(t *testing.T) {
	dir, want := place(t)
	all := servers(t, dir, want)
	others := 1
	if n, err := strconv.Atoi(os.Getenv("RACKHAND_TFTP_BENCH_ROUNDS")); err == nil && n > 0 {
		others = n
	}
	losses := []float64{0, 0.01, 0.05}
	took := make(map[string][]run) // by server and loss
	key := func(p peer, loss float64) string { return fmt.Sprint(p.name, loss) }
	for _, loss := range losses {
		for round := range max(rounds, others) {
			var side sync.WaitGroup
			var mu sync.Mutex
			for i, p := range all {
				measure := func() {
					r := race(t, p.addr, loss, round, want)
					mu.Lock()
					defer mu.Unlock()
					took[key(p, loss)] = append(took[key(p, loss)], r)
				}
				switch {
				case loss == 0 || i == 0:
					if round < rounds {
						measure()
					}
				case round < others:
					side.Go(measure)
				}
			}
			side.Wait()
		}
	}
	text := table(all, losses, others, func(p peer, loss float64) run { return median(took[key(p, loss)]) })
	fmt.Print(text)
	if *write {
		if err := bench.RewriteFile(filepath.Join("..", "..", "..", "docs", "performance.md"), "tftp", text); err != nil {
			t.Error(err)
		}
	}
}

func median(runs []run) run {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b run) int { return int(a.took - b.took) })
	return runs[len(runs)/2]
}

// table is what was measured, as Markdown. Ours is the first row.
func table(all []peer, losses []float64, others int, of func(peer, float64) run) string {
	var b strings.Builder
	b.WriteString("| server |")
	for _, loss := range losses {
		fmt.Fprintf(&b, " %g%% lost | ratio |", 100*loss)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|---|", len(losses)) + "\n")
	for _, p := range all {
		fmt.Fprintf(&b, "| %s |", p.name)
		for _, loss := range losses {
			r, ours := of(p, loss), of(all[0], loss)
			more := ""
			if r.late > 0 {
				more = ">"
			}
			fmt.Fprintf(&b, " %s%.1f s | %s%.1f |", more, min(r.took, longest).Seconds(), more, float64(min(r.took, longest))/float64(ours.took))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, `
Seconds until the last of %d clients has its %d kB (blksize %d, tsize), median; the ratio is to rackhand. The clients stop and wait, repeat their last packet after %v, and lose the same datagrams with every server, each way. Nothing lost: %d rounds in turns. Under loss: rackhand alone, %d rounds; the others side by side, since they wait nearly all the time, %d. A client gives up after %v.
`, clients, fileSize>>10, blockSize, resend, rounds, rounds, others, longest)
	return b.String()
}
