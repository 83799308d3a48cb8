//go:build e2e || bench

package flood

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/janitor/space"
)

// envRole holds a job as JSON: the test's program is then the attacker or the boxes.
const envRole = "RACKHAND_FLOOD_ROLE"

const (
	hosts    = 40 // the last one is the victim
	operator = "10.64.0.2"
	relay    = "10.64.0.3"
	// memoryMost is the most memory that the appliance may use, in KiB.
	memoryMost = 150 << 10
	// openMost is the most files that it may have open: the unknown addresses of port 80, a
	// quarter more that are refused, and a hundred files.
	openMost = 512 + 512/4 + 100
)

func testLink() Link {
	return Link{
		Server: netip.MustParseAddr("10.64.0.1"), Subnet: netip.MustParsePrefix("10.64.0.0/16"),
		Victim: macOf(hosts), VictimAddr: addressOf(hosts),
	}
}

func macOf(host int) net.HardwareAddr { return net.HardwareAddr{0x02, 0xaa, 0, 0, 0, byte(host)} }

func addressOf(host int) netip.Addr { return netip.AddrFrom4([4]byte{10, 64, 1, byte(host)}) }

// A testNetwork is the real appliance on a bridge, with a port for boxes and one for the
// attacker.
type testNetwork struct {
	t                    *testing.T
	dir                  string
	boxes, attacker, log string
	pid                  int
}

func newTestNetwork(t *testing.T) *testNetwork {
	t.Helper()
	bin := os.Getenv("RACKHAND_BIN")
	if _, err := os.Stat(bin); err != nil || !filepath.IsAbs(bin) {
		t.Fatalf("RACKHAND_BIN=%q isn't the absolute path of the program: run these tests with `make e2e` or `make bench`", bin)
	}
	r := &testNetwork{t: t, dir: t.TempDir(), boxes: space.New(t, "flood-boxes"), attacker: space.New(t, "flood-attacker")}
	server := space.New(t, "flood-server")
	batch := []string{"link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "addr add 10.64.0.1/16 dev br0", "link set br0 up"}
	for _, far := range []string{r.boxes, r.attacker} {
		batch = append(batch, "link add p"+far[len(far)-8:]+" type veth peer name cable netns "+far, "link set p"+far[len(far)-8:]+" master br0 up")
	}
	r.ip(server, batch...)
	wire := []string{"link set cable up promisc on", "addr add " + operator + "/16 dev cable", "addr add " + relay + "/16 dev cable"}
	for i := range hosts {
		wire = append(wire, fmt.Sprintf("addr add %s/16 dev cable", addressOf(i+1)))
	}
	r.ip(r.boxes, wire...)
	wire = []string{"link set cable up"}
	for i := range attackerAddresses {
		wire = append(wire, fmt.Sprintf("addr add %s/16 dev cable", attackerAddress(i)))
	}
	r.ip(r.attacker, wire...)
	r.serve(bin, server)
	return r
}

func (r *testNetwork) ip(ns string, batch ...string) {
	r.t.Helper()
	cmd := exec.Command("ip", "-n", ns, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(batch, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("ip: %v: %s", err, out)
	}
}

func (r *testNetwork) serve(bin, ns string) {
	r.t.Helper()
	inventory := "networks:\n  rack1: {subnet: 10.64.0.0/16, gateway: 10.64.0.1, leases: 10.64.100.1-10.64.131.254}\nhosts:\n"
	for i := range hosts {
		inventory += fmt.Sprintf("  h%d: {mac: %q, address: %s, install: never}\n", i+1, macOf(i+1), addressOf(i+1))
	}
	for i := range 460 { // as many hosts as a whole rack room, for a page of that size
		inventory += fmt.Sprintf("  x%d: {mac: \"02:ab:00:00:%02x:%02x\", address: 10.64.%d.%d, install: never}\n", i, i/200, i%200, 2+i/200, 1+i%200)
	}
	for name, text := range map[string]string{
		"rackhand.yaml":       "state: state\ninventory: inventory\nsecrets: secrets\nsocket: rackhand.sock\ninterfaces: [br0]\npage: {listen: 10.64.0.1:8080, operators: [" + operator + "]}\n",
		"inventory/rack.yaml": inventory, "secrets/none": "x\n",
	} {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.log = filepath.Join(r.dir, "log")
	log, err := os.Create(r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	// ip execs the program: its process id is the program's.
	cmd := exec.Command("ip", "netns", "exec", ns, bin, "serve", "--config", filepath.Join(r.dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.pid = cmd.Process.Pid
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-done:
			if err != nil {
				r.t.Errorf("the appliance ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			r.t.Error("the appliance didn't end")
		}
		if r.t.Failed() {
			b, _ := os.ReadFile(r.log)
			r.t.Logf("it said:\n%s", b[max(0, len(b)-8000):])
		}
	})
	for range 600 { // it checks the link first
		if b, _ := os.ReadFile(r.log); strings.Contains(string(b), "rackhand serves") {
			if got := r.runBoxesFor(0, 0); got.Answered > 0 {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.t.Fatal("the appliance does not serve")
}

// A job is the task of a child process.
type job struct {
	Attack      string // name of a kind; empty for boxes
	Connections int    // number to hold
	Port        int    // their port
	Rate        int    // packets a second; 0: as fast as possible
	Seconds     float64
	Web, Victim bool // boxes: fetch over HTTP as well; be the victim
}

func (r *testNetwork) child(ns string, j job) *exec.Cmd {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := json.Marshal(j)
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self)
	cmd.Env = append(os.Environ(), envRole+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

// attack starts a flood. stop ends it and returns the number of packets sent or connections
// made.
func (r *testNetwork) attack(j job) (stop func() int) {
	r.t.Helper()
	cmd := r.child(r.attacker, j)
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "going\n" {
		r.t.Fatalf("the attacker: %q %v", line, err)
	}
	return func() int {
		in.Close()
		line, _ := lines.ReadString('\n')
		if err := cmd.Wait(); err != nil {
			r.t.Errorf("the attacker: %v", err)
		}
		n, _ := strconv.Atoi(strings.TrimSpace(line))
		return n
	}
}

// runBoxesFor runs the boxes for so long, each at least once.
func (r *testNetwork) runBoxesFor(seconds float64, opts int) report {
	r.t.Helper()
	cmd := r.child(r.boxes, job{Seconds: seconds, Web: opts&withWeb != 0, Victim: opts&asVictim != 0})
	out, err := cmd.Output()
	var got report
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		r.t.Fatalf("the boxes: %v: %s", err, out)
	}
	return got
}

const (
	withWeb = 1 << iota
	asVictim
)

// open is the number of files and sockets that the appliance has open.
func (r *testNetwork) open() int {
	r.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.pid))
	if err != nil {
		r.t.Fatal(err)
	}
	return len(all)
}

// memory is the most memory that the appliance used since the last call, in KiB.
func (r *testNetwork) memory() int {
	r.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", r.pid)
	b, err := os.ReadFile(proc + "status")
	if err != nil {
		r.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		r.t.Fatalf("no VmHWM in %s", b)
	}
	n, _ := strconv.Atoi(string(m[1]))
	// Writing 5 resets it: proc_pid_clear_refs(5).
	if err := os.WriteFile(proc+"clear_refs", []byte("5"), 0); err != nil {
		r.t.Fatal(err)
	}
	return n
}
