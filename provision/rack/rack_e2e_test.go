//go:build e2e

package rack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	testUser     = "admin"
	testPassword = "rehearsal-only"
)

// putUp builds a rack for a test and checks at its end that nothing stayed. Its guests
// are emulated: on a nested machine the probe may find KVM good at one moment, and the
// next guest hangs.
func putUp(t *testing.T, o Options) *Rack {
	t.Helper()
	o.Dir, o.Accelerator = t.TempDir(), accelTCG
	o.Log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	r, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, b := range r.Boxes() {
				said, _ := os.ReadFile(b.SerialLog())
				t.Logf("serial port of %s: …%q", b.Name(), said[max(0, len(said)-2000):])
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		nothingStays(t, r.dir, r.appliance, r.rack)
	})
	return r
}

// nothingStays looks for what a rack must not leave: namespaces, processes, files.
func nothingStays(t *testing.T, dir string, namespaces ...string) {
	t.Helper()
	for _, what := range stays(t, dir, namespaces...) {
		t.Errorf("it stayed: %s", what)
	}
}

// stays lists what there still is of a rack.
func stays(t *testing.T, dir string, namespaces ...string) []string {
	t.Helper()
	var all []string
	for _, ns := range namespaces {
		if _, err := os.Lstat(filepath.Join(netnsDir, ns)); !errors.Is(err, os.ErrNotExist) {
			all = append(all, fmt.Sprintf("namespace %s (%v)", ns, err))
		}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		all = append(all, fmt.Sprintf("folder %s (%v)", dir, err))
	}
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(procs) == 0 {
		t.Fatalf("no processes to look at: %v", err)
	}
	for _, p := range procs {
		line, _ := os.ReadFile(p)
		if strings.Contains(string(line), dir) {
			all = append(all, fmt.Sprintf("process %s: %q", p, strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	return all
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

// discovers listens for DISCOVERs in the appliance's namespace and answers none.
func discovers(t *testing.T, r *Rack) <-chan *dhcpv4.DHCPv4 {
	t.Helper()
	conn, err := listenPacketIn(r.appliance, netip.MustParseAddrPort("0.0.0.0:67"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	seen := make(chan *dhcpv4.DHCPv4, 64)
	go func() {
		buf := make([]byte, 2048)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if p, err := dhcpv4.FromBytes(buf[:n]); err == nil && p.MessageType() == dhcpv4.MessageTypeDiscover {
				select {
				case seen <- p:
				default: // the test has seen enough
				}
			}
		}
	}()
	return seen
}

// nextDiscover waits for a box's DISCOVER.
func nextDiscover(t *testing.T, seen <-chan *dhcpv4.DHCPv4, b *Box) *dhcpv4.DHCPv4 {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case p := <-seen:
			if p.ClientHWAddr.String() == b.opts.MAC.String() {
				return p
			}
		case <-deadline:
			t.Fatalf("no DISCOVER from %s", b.Name())
		}
	}
}

func testBox(name, firmware string, n byte) BoxOptions {
	return BoxOptions{
		Name: name, Firmware: firmware,
		MAC:        net.HardwareAddr{0x52, 0x54, 0, 0, 0, n},
		BMCAddress: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, 100 + n}), 0),
		BMCUser:    testUser, BMCPassword: testPassword,
		MemoryMB: 256,
	}
}

// ipmi runs ipmitool in the appliance's namespace: a BMC client that isn't ours.
func ipmi(t *testing.T, r *Rack, b *Box, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	base := []string{
		"-I", "lanplus", "-H", b.opts.BMCAddress.Addr().String(), "-U", testUser, "-E",
	}
	cmd := r.Command(ctx, "ipmitool", append(base, args...)...)
	cmd.Env = append(os.Environ(), "IPMI_PASSWORD="+testPassword)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustIPMI(t *testing.T, r *Rack, b *Box, args ...string) string {
	t.Helper()
	out, err := ipmi(t, r, b, args...)
	if err != nil {
		t.Fatalf("ipmitool %s: %v\n%s(is ipmitool installed?)", strings.Join(args, " "), err, out)
	}
	return out
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("waited a minute for this in vain: %s", what)
}

// TestMainThreadStaysOutside enters a namespace from many goroutines at once, the
// main thread's among them: were it the one to enter, the janitor would take
// this process for one of the rack's and kill it.
func TestMainThreadStaysOutside(t *testing.T) {
	t.Parallel()
	r := putUp(t, Options{})
	before, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if err := inNamespace(r.appliance, func() error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if after, err := os.Readlink("/proc/self/ns/net"); err != nil || after != before {
		t.Errorf("this process is now in %s, was in %s (%v)", after, before, err)
	}
}

// TestProbe: the probe distinguishes accelerators that boot a guest from others.
func TestProbe(t *testing.T) {
	t.Parallel()
	if err := boots(t.Context(), t.TempDir(), accelTCG); err != nil {
		t.Errorf("%s: %v", accelTCG, err)
	}
	if err := boots(t.Context(), t.TempDir(), "no-such-accelerator"); err == nil || !strings.Contains(err.Error(), "no-such-accelerator") {
		t.Errorf("an accelerator that there is not: %v", err)
	}
}

// TestGuestsReachPXE powers a box of each firmware on and sees its DISCOVER.
func TestGuestsReachPXE(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		firmware string
		arch     uint16
	}{{BIOS, 0}, {UEFI, 7}} {
		t.Run(tt.firmware, func(t *testing.T) {
			t.Parallel()
			r := putUp(t, Options{Boxes: []BoxOptions{testBox("pxe", tt.firmware, 1)}})
			seen := discovers(t, r)
			b := r.Box("pxe")
			began := time.Now()
			mustIPMI(t, r, b, "-C", "17", "chassis", "power", "on")
			p := nextDiscover(t, seen, b)
			t.Logf("%s: %s (%s) from power-on to the first DISCOVER", tt.firmware, time.Since(began).Round(time.Millisecond), r.Accelerator())
			if archs := p.ClientArch(); len(archs) != 1 || uint16(archs[0]) != tt.arch {
				t.Errorf("option 93 says %v, want %d", archs, tt.arch)
			}
			if guid := p.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(guid) != 17 {
				t.Errorf("option 97 is % x, want the box's UUID", guid)
			}
		})
	}
}
