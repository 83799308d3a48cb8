//go:build e2e

package appliance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/janitor/space"
	"rackhand/provision/why"
)

// envStuck makes TestStuckOnTheWire the appliance in its namespace, with the folder and the
// boxes' namespaces as JSON; envStops makes it a TFTP client that falls silent.
const (
	envStuck = "RACKHAND_STUCK_E2E"
	envStops = "RACKHAND_STUCK_E2E_STOPS"
)

// A wire has the arguments of the appliance in a namespace.
type wire struct {
	Dir   string
	Boxes map[string]string // host -> namespace
}

// TestStuckOnTheWire plays boxes that get stuck, each in its own namespace on one bridge,
// and checks what why.Diagnose says of what the appliance has recorded.
func TestStuckOnTheWire(t *testing.T) {
	if order := os.Getenv(envStops); order != "" {
		stopAfter(t, order)
		return
	}
	if order := os.Getenv(envStuck); order != "" {
		playStuck(t, order)
		return
	}
	t.Parallel() // it waits until TFTP gives silent clients up, for 12 s
	server, w := space.New(t, "wire"), wire{Dir: t.TempDir(), Boxes: map[string]string{}}
	ip(t, "-n", server, "link", "add", "br0", "type", "bridge")
	ip(t, "-n", server, "addr", "add", "10.77.0.1/24", "dev", "br0")
	ip(t, "-n", server, "link", "set", "br0", "up")
	hosts := "hosts:\n"
	for i, name := range slices.Sorted(maps.Keys(stuckBoxes())) {
		ns := space.New(t, "stuck")
		mac := fmt.Sprintf("52:54:00:00:00:%02x", 16+i)
		ip(t, "-n", server, "link", "add", fmt.Sprintf("port%d", i), "type", "veth", "peer", "name", "eth0", "address", mac, "netns", ns)
		ip(t, "-n", server, "link", "set", fmt.Sprintf("port%d", i), "master", "br0", "up")
		ip(t, "-n", ns, "link", "set", "eth0", "up")
		w.Boxes[name] = ns
		hosts += fmt.Sprintf("  %s: {mac: %s, address: 10.77.0.%d, %s}\n", name, mac, 16+i, cmp.Or(stuckBoxes()[name].inventory, "group: usual"))
	}
	write(t, w.Dir, "rackhand.yaml", "state: state\ninventory: inventory\nsecrets: secrets\nsocket: state.sock\naddress: 10.77.0.1\ninterfaces: [br0]\nbootfiles: [programs]\npage: {listen: \"\"}\n")
	write(t, w.Dir, "inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24}\n"+
		"systems:\n  debian12: {installer: image, image: debian12}\n  later: {installer: image, image: later}\n"+
		"defaults: {system: debian12, kickstart: good.ks, install: first-boot}\ngroups:\n  usual: {}\n"+hosts)
	for name, text := range map[string]string{"good.ks": goodKickstart, "broken.ks": goodKickstart, "secret.ks": goodKickstart + "rootpw {{ secret \"rootpw/web\" }}\n"} {
		write(t, w.Dir, "inventory/templates/"+name, text)
	}
	write(t, w.Dir, "programs/snponly.efi", strings.Repeat("rackhand", 100_000))
	order, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	out, err := again(t, server, envStuck+"="+string(order)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if testing.Verbose() {
		t.Logf("%s", out)
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// again runs this test once more in a namespace.
func again(t *testing.T, ns, env string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, self, "-test.run=^TestStuckOnTheWire$", "-test.v")
	cmd.Env = append(os.Environ(), env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// A player is a box of the test, and its view of the appliance.
type player struct {
	*testing.T
	a       *Appliance
	host    string
	ns      string
	address string
	mac     string
	ahead   *atomic.Int64 // of all clocks, in ns
}

// playStuck runs the appliance, and the boxes beside each other.
func playStuck(t *testing.T, order string) {
	var w wire
	if err := json.Unmarshal([]byte(order), &w); err != nil {
		t.Fatal(err)
	}
	cfg, problems := config.Load(filepath.Join(w.Dir, "rackhand.yaml"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	writeImage(t, filepath.Join(cfg.State, "images", "debian12"))
	var ahead atomic.Int64
	began := time.Now()
	elapsed := func() time.Duration { return time.Since(began) + time.Duration(ahead.Load()) }
	var log safeBuffer
	ctx, cancel := context.WithCancel(t.Context())
	a, err := build(ctx, cfg, Deps{
		Clock: func() time.Time { return began.Add(elapsed()) }, Elapsed: elapsed, Random: rand.Reader, Version: "test",
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.holder.Problems()) > 0 {
		t.Fatal(a.holder.Problems())
	}
	done := make(chan error, 1)
	go func() { done <- a.run(ctx, nil) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the appliance: %v", err)
		}
		a.store.Close()
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	for _, steady := range []bool{true, false} {
		var wg sync.WaitGroup
		for name, box := range stuckBoxes() {
			if box.steady != steady {
				continue
			}
			h := a.holder.Current().Hosts[name]
			p := &player{t, a, name, w.Boxes[name], h.Address.String(), h.MACs[0].String(), &ahead}
			wg.Go(func() { box.plays(p) })
		}
		wg.Wait()
	}
	for _, name := range slices.Sorted(maps.Keys(stuckBoxes())) {
		p := &player{T: t, a: a, host: name}
		p.check(stuckBoxes()[name])
	}
}

// check compares the diagnosis of a box.
func (p *player) check(box stuckBox) {
	events, err := p.a.journal.Events(p.Context(), p.host, 0)
	if err != nil {
		p.Fatal(err)
	}
	in, _ := p.a.journal.Install(p.host)
	c := why.Case{Host: p.a.holder.Current().Hosts[p.host], Install: in, Events: events}
	after := cmp.Or(box.after, 10*time.Minute)
	if len(events) == 0 {
		p.Errorf("%s: no event", p.host)
		return
	}
	got := why.Diagnose(c, events[len(events)-1].Counted.Add(after))
	if got == nil {
		got = &provision.Stuck{}
	}
	text := got.Cause() + " " + got.Remedy.Text + " " + got.Remedy.Command
	bad := got.Rule != box.rule
	for _, s := range box.said {
		bad = bad || !strings.Contains(text, s)
	}
	if bad {
		p.Errorf("%s: rule %q, want %q, %q: %s", p.host, got.Rule, box.rule, box.said, text)
		for _, e := range events {
			p.Logf("  %d %s %s %s %s %s %v", e.Seq, e.Source, e.Kind, e.Level, e.Stage, e.Message, e.Fields)
		}
	}
}

// run runs a program in the box's namespace. Its output is not read.
func (p *player) run(args ...string) {
	p.here(append([]string{"ip", "netns", "exec", p.ns}, args...)...)
}

// here runs a program beside the appliance.
func (p *player) here(args ...string) {
	_ = exec.CommandContext(p.Context(), args[0], args[1:]...).Run()
}

// lease gets an address as UEFI's PXE does.
func (p *player) lease() {
	p.run("ip", "addr", "flush", "dev", "eth0")
	p.run("busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "60", "-T", "1", "-s", "/bin/true", "-V", "PXEClient:Arch:00007:UNDI:003016", "-x", "0x5d:0007")
	p.run("ip", "addr", "add", p.address+"/24", "dev", "eth0")
}

// tftp fetches a file, for at most 3 s.
func (p *player) tftp(name string, args ...string) {
	p.run(append([]string{"timeout", "3", "busybox", "tftp", "-g", "-r", name, "-l", "/dev/null", "10.77.0.1"}, args...)...)
}

// script gets the boot program and the script.
func (p *player) script() {
	p.lease()
	p.tftp("snponly.efi")
	p.wait("fetch", 1)
	p.run("curl", "-s", "--retry", "20", "-o", "/dev/null", "http://10.77.0.1/boot/ipxe?mac="+p.mac)
	p.wait(provision.KindAttempt, 1)
}

func (p *player) kernel() {
	for _, f := range []string{"vmlinuz", "initrd.img"} {
		p.run("curl", "-s", "-o", "/dev/null", "http://10.77.0.1/image/debian12/"+f)
	}
}

// wait waits until a number of events of a kind are recorded of the box.
func (p *player) wait(kind string, n int) {
	for range 1200 {
		events, err := p.a.journal.Events(p.Context(), p.host, 0)
		if err != nil {
			p.Error(err)
			return
		}
		found := 0
		for _, e := range events {
			if e.Kind == kind {
				found++
			}
		}
		if found >= n {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.Errorf("%s: no %d events %s", p.host, n, kind)
}

// minute lets a minute pass on all clocks: an event of one kind is recorded once a minute.
func (p *player) minute() { p.ahead.Add(int64(time.Minute + time.Second)) }

// stop begins to fetch a file, acknowledges some blocks, and falls silent.
func (p *player) stop(name string, blocks int) {
	if out, err := again(p.T, p.ns, fmt.Sprintf("%s=%s %d", envStops, name, blocks)).CombinedOutput(); err != nil {
		p.Errorf("%v: %s", err, out)
	}
}

// stopAfter is the client of stop.
func stopAfter(t *testing.T, order string) {
	var name string
	var blocks int
	if _, err := fmt.Sscan(order, &name, &blocks); err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	to, msg := &net.UDPAddr{IP: net.IPv4(10, 77, 0, 1), Port: 69}, []byte("\x00\x01"+name+"\x00octet\x00")
	buf := make([]byte, 1000)
	for block := 0; block <= blocks; {
		if _, err := c.WriteToUDP(msg, to); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, from, err := c.ReadFromUDP(buf)
		if err != nil {
			continue // asks again
		}
		if buf[1] == 3 && int(buf[2])<<8+int(buf[3]) == block+1 {
			block++
			to, msg = from, []byte{0, 4, byte(block >> 8), byte(block)}
		}
	}
}

// writeImage writes a root image of three files. Its kernel is more than the kernel buffers
// of a connection.
func writeImage(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m := image.Manifest{Name: filepath.Base(dir), Created: time.Now(), Release: "bookworm", Arch: "amd64", Kernel: "6.1.0-1-amd64", Packages: 1, Unpacked: 1, Files: map[string]image.File{}}
	for name, size := range map[string]int64{image.KernelFile: 64 << 20, image.InitrdFile: 1 << 20, image.BaseFile: 1, image.PackagesFile: 1, image.RootFile: 1} {
		m.Files[name] = image.File{Name: name, Size: size, SHA256: strings.Repeat("0", 64)}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, image.ManifestFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A safeBuffer takes a log that is read while it grows.
type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
