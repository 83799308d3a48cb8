//go:build e2e

package ipmi

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// serialBox is OpenIPMI's ipmi_sim with a serial port: the box's end of it.
func serialBox(t *testing.T) (bmc.Target, *os.File) {
	t.Helper()
	box, port, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.MakeRaw(int(port.Fd())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close(); _ = port.Close() })
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := bmc.Target{Address: netip.MustParseAddrPort(free.LocalAddr().String()), User: "admin", Password: bmctest.Password[:16]}
	_ = free.Close()
	dir := t.TempDir()
	for _, name := range []string{"ipmi_sim.conf", "ipmi_sim.emu"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		filled := strings.NewReplacer("ADDRESS", target.Address.Addr().String(), "PORT", fmt.Sprint(target.Address.Port()),
			"DEVICE", port.Name(), "PASSWORD", target.Password).Replace(string(text))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(filled), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("ipmi_sim", "-c", filepath.Join(dir, "ipmi_sim.conf"), "-f", filepath.Join(dir, "ipmi_sim.emu"), "-s", filepath.Join(dir, "state"), "-n")
	var out bmctest.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe() // it ends when it can't read any more
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install Debian's package openipmi", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("ipmi_sim says:\n%s", out.Bytes())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, err := ipmitool(target, "chassis", "power", "status").CombinedOutput()
		if err == nil {
			return target, box
		}
		if time.Now().After(deadline) {
			t.Fatalf("ipmitool gets no answer: %v\n%s", err, out)
		}
	}
}

// ipmitool is the other client.
func ipmitool(t bmc.Target, args ...string) *exec.Cmd {
	cmd := exec.Command("ipmitool", append([]string{
		"-I", "lanplus", "-C", "3", "-H", t.Address.Addr().String(), "-p", fmt.Sprint(t.Address.Port()), "-U", t.User, "-E",
	}, args...)...)
	cmd.Env = append(os.Environ(), "IPMI_PASSWORD="+t.Password)
	return cmd
}

// TestConsoleOfOpenIPMI: each character arrives once, both ways, also when the network doubles
// datagrams. ipmi_sim itself drops a console from which it misses a few answers: what a network
// loses is TestSOL's.
func TestConsoleOfOpenIPMI(t *testing.T) {
	target, box := serialBox(t)
	for _, tt := range []struct {
		name string
		way  func(seed uint64) func([]byte) [][]byte
		size int
	}{
		{"a good network", func(uint64) func([]byte) [][]byte { return func(d []byte) [][]byte { return [][]byte{d} } }, 32 << 10},
		{"doubles", doubling, 4 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			through := bmctest.Relay(t, target, tt.way(1), tt.way(2))
			c, err := Driver{Exchange: 300 * time.Millisecond}.OpenConsole(t.Context(), through, &bmc.Memory{}, false)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			printed, typed := text(tt.size, 3), text(200, 4)
			go func() { _, _ = box.Write(printed) }()
			go func() { _, _ = c.Write(typed) }()
			got := make(chan []byte, 1)
			go func() { got <- read(box, len(typed)) }()
			same(t, "printed", read(c, len(printed)), printed)
			same(t, "typed", <-got, typed)
		})
	}
}

// TestConsoleHeld: a console that ipmitool holds is refused with the holder's address, and
// taken over when asked to. ipmitool gets it back afterwards.
func TestConsoleHeld(t *testing.T) {
	target, box := serialBox(t)
	other := hold(t, target)
	d := Driver{Exchange: 300 * time.Millisecond}
	_, err := d.OpenConsole(t.Context(), target, &bmc.Memory{}, false)
	if !errors.Is(err, bmc.ErrConsoleBusy) || !strings.Contains(fmt.Sprint(err), "--takeover") {
		t.Errorf("held by ipmitool: %v", err)
	}
	t.Log(err)
	c, err := d.OpenConsole(t.Context(), target, &bmc.Memory{}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.WriteString("after the takeover"); err != nil {
		t.Fatal(err)
	}
	same(t, "printed", read(c, 18), []byte("after the takeover"))
	_ = other.Process.Kill() // it may not notice
	_ = other.Wait()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	hold(t, target)
}

// hold attaches ipmitool to the console.
func hold(t *testing.T, target bmc.Target) *exec.Cmd {
	t.Helper()
	cmd := ipmitool(target, "sol", "activate")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = tty.Close() })
	screen := &bmctest.Buffer{}
	go func() { _, _ = io.Copy(screen, tty) }()
	for deadline := time.Now().Add(10 * time.Second); !bytes.Contains(screen.Bytes(), []byte("SOL Session operational")); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("ipmitool says %q", screen.Bytes())
		}
	}
	return cmd
}

// doubling doubles each third datagram of the console.
func doubling(uint64) func([]byte) [][]byte {
	n := 0
	return func(d []byte) [][]byte {
		if n++; n%3 == 0 && isKind(d, payloadSOL) {
			return [][]byte{d, d}
		}
		return [][]byte{d}
	}
}

func text(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 18))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}

// read reads this many bytes, or as many as come within 20 s.
func read(from io.Reader, n int) []byte {
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, n)
		m, _ := io.ReadFull(from, b)
		got <- b[:m]
	}()
	select {
	case b := <-got:
		return b
	case <-time.After(20 * time.Second):
		return nil
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes %x, want %d bytes %x", what, len(got), sha256.Sum256(got), len(want), sha256.Sum256(want))
	}
}
