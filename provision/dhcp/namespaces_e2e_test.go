//go:build e2e

package dhcp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/janitor/space"
)

const needs = "(these tests need root, and the packages iproute2, isc-dhcp-client, busybox, systemd, kea-admin, dnsmasq-base, qemu-system-x86, ovmf, ipxe)"

// sh runs a command and returns what it printed; a failure ends the test.
func sh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", strings.Join(args, " "), err, out, needs)
	}
	return string(out)
}

// need finds a tool.
func need(t *testing.T, tool, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%v: install the package %s", err, pkg)
	}
	return path
}

// namespace makes a network namespace for the test.
func namespace(t *testing.T, suffix string) string {
	t.Helper()
	return space.New(t, "dhcp-"+suffix)
}

// A program is something that runs in a namespace for the length of the test.
type program struct {
	*exec.Cmd
	ended chan struct{}
	once  sync.Once
	mu    sync.Mutex
	said  strings.Builder
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *program) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// run starts a program in a namespace. `ip netns exec` becomes the program itself, so
// signals go to the right process.
func run(t *testing.T, ns string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = p, p
	p.WaitDelay = 5 * time.Second // a grandchild may keep the pipe open
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(args, " "), p)
		}
	})
	return p
}

func (p *program) kill() {
	p.once.Do(func() { _ = p.Process.Kill() })
	<-p.ended
}

// await waits until the program ends.
func (p *program) await(t *testing.T, limit time.Duration) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		t.Fatalf("%s didn't end within %s", p.Path, limit)
	}
}

// A serverProcess is the server in its namespace.
type serverProcess struct {
	t     *testing.T
	lines chan string
	all   []string
	taken map[int]bool // the lines of all that until has returned
	stop  func()       // ends it early; otherwise it ends with the test
	stdin io.Writer
}

// say sends the server a command; see whyMain.
func (d *serverProcess) say(command string) {
	d.t.Helper()
	if _, err := fmt.Fprintln(d.stdin, command); err != nil {
		d.t.Fatal(err)
	}
}

// serve starts the server in a namespace.
func serve(t *testing.T, ns string, s setup) *serverProcess {
	t.Helper()
	return serveAs(t, ns, envSetup, s)
}

// serveAs starts a server in a namespace: the test binary with the setup in a variable of
// its environment.
func serveAs(t *testing.T, ns, variable string, s setup) *serverProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.Store = filepath.Join(t.TempDir(), "e2e.db")
	if s.Address == "" {
		s.Address = serverAddr.String()
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self)
	cmd.Env = append(os.Environ(), variable+"="+string(b))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &serverProcess{t: t, lines: make(chan string, 100_000), taken: map[int]bool{}, stdin: in}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			d.lines <- s.Text()
		}
		close(d.lines)
	}()
	var once sync.Once
	d.stop = func() {
		once.Do(func() {
			in.Close()
			<-read // Wait closes the pipe, so the reader must finish first
			if err := cmd.Wait(); err != nil {
				t.Errorf("the server ended badly: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			for l := range d.lines {
				d.all = append(d.all, l)
			}
			t.Logf("the server said:\n%s", strings.Join(d.all, "\n"))
		}
	})
	d.until(20*time.Second, "dhcp: serving")
	return d
}

// until waits for a line that contains all texts. Events are logged beside the replies, so
// the line may precede the line that was waited for last. No line is returned twice.
func (d *serverProcess) until(limit time.Duration, texts ...string) string {
	d.t.Helper()
	late := time.After(limit)
	for i := 0; ; i++ {
		if i == len(d.all) {
			select {
			case line, ok := <-d.lines:
				if !ok {
					d.t.Fatalf("the server ended before it said %q", texts)
				}
				d.all = append(d.all, line)
			case <-late:
				d.t.Fatalf("the server didn't say %q within %s", texts, limit)
			}
		}
		found := !d.taken[i]
		for _, text := range texts {
			found = found && strings.Contains(d.all[i], text)
		}
		if found {
			d.taken[i] = true
			return d.all[i]
		}
	}
}

// lease waits for a written lease of a MAC, or of a prefix of one, that satisfies pleases.
func (d *serverProcess) lease(limit time.Duration, mac string, pleases func(provision.Lease) bool) provision.Lease {
	d.t.Helper()
	late := time.Now().Add(limit)
	for {
		line := d.until(time.Until(late), "LEASE ", `"mac":"`+mac)
		var l provision.Lease
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "LEASE ")), &l); err != nil {
			d.t.Fatalf("%v: %s", err, line)
		}
		if pleases(l) {
			return l
		}
	}
}

// pair makes a namespace for a server and one for a client, with a cable between them.
func pair(t *testing.T, mac inventory.MAC) (server, client string) {
	t.Helper()
	server, client = namespace(t, "s"), namespace(t, "c")
	cable(t, server, client, mac)
	return server, client
}

// cable connects srv, with the server's address, to cli.
func cable(t *testing.T, server, client string, mac inventory.MAC) {
	t.Helper()
	sh(t, "ip", "-n", server, "link", "add", "srv", "type", "veth", "peer", "name", "cli", "netns", client)
	sh(t, "ip", "-n", server, "addr", "add", "10.77.0.1/24", "dev", "srv")
	sh(t, "ip", "-n", client, "link", "set", "cli", "address", mac.String())
	sh(t, "ip", "-n", server, "link", "set", "srv", "up")
	sh(t, "ip", "-n", client, "link", "set", "cli", "up")
}

// bridge makes a namespace with a bridge that has the server's address, and a tap for a
// guest.
func bridge(t *testing.T) string {
	t.Helper()
	ns := namespace(t, "v")
	sh(t, "ip", "-n", ns, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
	sh(t, "ip", "-n", ns, "addr", "add", serverAddr.String()+"/24", "dev", "br0")
	sh(t, "ip", "-n", ns, "tuntap", "add", "tap0", "mode", "tap")
	sh(t, "ip", "-n", ns, "link", "set", "tap0", "master", "br0")
	sh(t, "ip", "-n", ns, "link", "set", "tap0", "up")
	sh(t, "ip", "-n", ns, "link", "set", "br0", "up")
	return ns
}
