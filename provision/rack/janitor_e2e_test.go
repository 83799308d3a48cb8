//go:build e2e

package rack

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childEnv makes the test program put up a rack and wait to be killed.
const childEnv = "RACKHAND_TEST_RACK_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := holdRack(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Boxes wait more than they compute: more of these tests run side by side than there
	// are cores, unless -parallel says otherwise.
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// holdRack puts up a rack with a box that is on and a program in the appliance's
// namespace, says so, and outlives Ctrl-C.
func holdRack(dir string) error {
	interrupts := make(chan os.Signal, 1)
	// Caught, not ignored: children inherit only the latter.
	signal.Notify(interrupts, syscall.SIGINT)
	r, err := New(context.Background(), Options{
		Dir: dir, Log: slog.New(slog.DiscardHandler), Accelerator: accelTCG,
		Boxes: []BoxOptions{testBox("left", UEFI, 9)},
	})
	if err != nil {
		return err
	}
	b := r.Box("left")
	if err := b.PowerOn(); err != nil {
		return err
	}
	if err := r.Command(context.Background(), "sleep", "300").Start(); err != nil {
		return err
	}
	fmt.Println("up", r.dir, r.appliance, r.rack)
	<-interrupts
	time.Sleep(time.Second) // long enough for a signal to end what it would end
	fmt.Println("after Ctrl-C the box is on:", b.On())
	select {}
}

// TestKillMinus9 kills the program that holds a rack with Ctrl-C (which it and
// the rack survive) and then with kill -9: nothing stays.
func TestKillMinus9(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the child ended early: %v", lines.Err())
		}
		return lines.Text()
	}
	var dir, appliance, rack string
	if line := next(); !strings.HasPrefix(line, "up ") {
		t.Fatal(line)
	} else if _, err := fmt.Sscanf(line, "up %s %s %s", &dir, &appliance, &rack); err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{appliance, rack} {
		waitFor(t, "a process runs in "+ns, func() bool {
			pids, err := exec.Command("ip", "netns", "pids", ns).Output()
			return err == nil && len(pids) > 0
		})
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if line := next(); line != "after Ctrl-C the box is on: true" {
		t.Fatal(line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The janitor itself too: it bears the folder's name, and ends a moment after it.
	waitFor(t, "the janitor removes all of the rack, and ends", func() bool {
		return len(stays(t, dir, appliance, rack)) == 0
	})
}

// TestFailedRackLeavesNothing asks for a disk image that doesn't exist: New fails
// half-way and takes down what it had put up.
func TestFailedRackLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testBox("broken", BIOS, 1)
	o.DiskImage = "/nonexistent.raw"
	_, err := New(t.Context(), Options{
		Dir: dir, Log: slog.New(slog.DiscardHandler), Accelerator: accelTCG, Boxes: []BoxOptions{o},
		Rand: strings.NewReader("\xca\xfe\xba\xbe"),
	})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent.raw") {
		t.Fatalf("error %v, want one that names the image", err)
	}
	nothingStays(t, filepath.Join(dir, "rackhand-rack-cafebabe"), "rackhand-cafebabe-appliance", "rackhand-cafebabe-rack")
}

// TestNetwork looks at the namespaces: a program in the appliance's sees its
// address, a link-local one and no route out; the test reaches a port there.
func TestNetwork(t *testing.T) {
	t.Parallel()
	r := putUp(t, Options{})
	out, err := r.Command(t.Context(), "ip", "-br", "addr", "show", "dev", applianceLink).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	has(t, string(out), "10.77.0.1/24")
	has(t, string(out), "fe80::")
	for _, family := range []string{"-4", "-6"} {
		out, err := r.Command(t.Context(), "ip", family, "route", "show", "default").CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("default route %q (%v), want none", out, err)
		}
	}
	var addr string
	if err := inNamespace(r.appliance, func() error {
		l, err := net.Listen("tcp", "10.77.0.1:0")
		if err != nil {
			return err
		}
		addr = l.Addr().String()
		t.Cleanup(func() { _ = l.Close() })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	conn, err := r.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if conn, err := r.DialContext(t.Context(), "tcp", "localhost:80"); err == nil {
		_ = conn.Close()
		t.Error("a name was accepted")
	}
}

// TestAptUpstreams asks this machine's apt.
func TestAptUpstreams(t *testing.T) {
	t.Parallel()
	got, err := AptUpstreams()
	if err != nil {
		t.Fatal(err)
	}
	for name, base := range got {
		t.Logf("%s: %d bytes of URL", name, len(base))
	}
	if got["debian"] == "" {
		t.Errorf("no mirror called debian among %d", len(got))
	}
}
