//go:build e2e

package appliance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/doctor"
	"rackhand/provision/janitor/space"
	"rackhand/provision/web/client"
)

// patience is how long the tests wait for what must come; a look takes 4 s.
const patience = 90 * time.Second

// TestMain lets more of these tests run side by side than there are cores, unless
// -parallel says otherwise: looks wait for answers and compute little.
func TestMain(m *testing.M) {
	if port := os.Getenv(envHold); port != "" {
		holdUDP(port) // run again in a namespace, by a test of what takes a port
	}
	if order := os.Getenv(envFlood); order != "" {
		if err := flood(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func sh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s(these tests need root, iproute2, dnsmasq-base and busybox)", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func program(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("RACKHAND_BIN")
	if bin == "" {
		t.Fatal("RACKHAND_BIN is not set: run `make e2e`, or set it to the program")
	}
	abs, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// A site is an appliance's namespace with the links eth1 and eth2, and for each link
// a switch: a namespace with a bridge br0, which holds the address 10.N.0.2.
type site struct {
	t         *testing.T
	appliance string
	switches  [2]string
	boxes     [2]string // one on each switch, with the link eth0
	dir       string
}

// subnets are those of eth1 and eth2.
var subnets = [2]string{"10.77.0.", "10.78.0."}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.appliance = space.New(t, "gate-a")
	for i := range s.switches {
		sw, box, link := space.New(t, "gate-s"), space.New(t, "gate-b"), fmt.Sprintf("eth%d", i+1)
		s.switches[i], s.boxes[i] = sw, box
		sh(t, "ip", "-n", sw, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
		sh(t, "ip", "-n", sw, "addr", "add", subnets[i]+"2/24", "dev", "br0")
		sh(t, "ip", "-n", sw, "link", "add", "uplink", "type", "veth", "peer", "name", link, "netns", s.appliance)
		sh(t, "ip", "-n", sw, "link", "add", "box", "type", "veth", "peer", "name", "eth0", "netns", box)
		for _, port := range []string{"uplink", "box"} {
			sh(t, "ip", "-n", sw, "link", "set", port, "master", "br0", "up")
		}
		sh(t, "ip", "-n", sw, "link", "set", "br0", "up")
		sh(t, "ip", "-n", s.appliance, "addr", "add", subnets[i]+"1/24", "dev", link)
		sh(t, "ip", "-n", s.appliance, "link", "set", link, "up")
		sh(t, "ip", "-n", box, "addr", "add", subnets[i]+"9/24", "dev", "eth0")
		sh(t, "ip", "-n", box, "link", "set", "eth0", "up")
	}
	return s
}

// declare writes the inventory: rack1 on eth1 with further settings, rack2 on eth2.
func (s *site) declare(settings string) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "inventory")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	text := "networks:\n  rack1: {subnet: 10.77.0.0/24, leases: 10.77.0.200-10.77.0.240" + settings + "}\n" +
		"  rack2: {subnet: 10.78.0.0/24, leases: 10.78.0.200-10.78.0.240}\n"
	if err := os.WriteFile(filepath.Join(dir, "rack.yaml"), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// serve starts an appliance with a state folder of its own.
func (s *site) serve(state, links string) *exec.Cmd {
	s.t.Helper()
	settings := fmt.Sprintf("state: %s\ninventory: inventory\nsecrets: secrets\nsocket: %s.sock\ninterfaces: [%s]\npage: {listen: \"\"}\n", state, state, links)
	file := filepath.Join(s.dir, state+".yaml")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", s.appliance, program(s.t), "serve", "--config", file)
	return cmd
}

// up runs an appliance until the test's end.
func (s *site) up(links string) *client.Client {
	s.t.Helper()
	s.start(s.serve("state", links))
	return client.New(filepath.Join(s.dir, "state.sock"))
}

func (s *site) start(cmd *exec.Cmd) (stop func()) {
	s.t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	s.t.Cleanup(func() {
		stop()
		if s.t.Failed() {
			s.t.Logf("%s said:\n%s", strings.Join(cmd.Args, " "), out.String())
		}
	})
	return stop
}

// dnsmasq runs one on a switch.
func (s *site) dnsmasq(i int) (stop func()) {
	s.t.Helper()
	path, err := exec.LookPath("dnsmasq")
	if err != nil {
		s.t.Fatalf("%v: install dnsmasq-base", err)
	}
	stop = s.start(exec.Command("ip", "netns", "exec", s.switches[i], path, "--no-daemon", "--port=0", "--conf-file=/dev/null",
		"--dhcp-leasefile=/dev/null", "--no-ping", "--dhcp-range="+subnets[i]+"50,"+subnets[i]+"60"))
	s.wait("dnsmasq's port", func() bool {
		return strings.Contains(sh(s.t, "ip", "netns", "exec", s.switches[i], "ss", "-uln"), ":67")
	})
	return stop
}

func (s *site) wait(what string, until func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if until() {
			return
		}
	}
	s.t.Fatalf("waited in vain: %s", what)
}

// shows waits until the status has exactly the problems that contain these texts.
func (s *site) shows(c *client.Client, texts ...string) {
	s.t.Helper()
	var st provision.Status
	s.wait(fmt.Sprintf("the status shows %q", texts), func() bool {
		var err error
		if st, err = c.Status(s.t.Context()); err != nil || len(st.Problems) != len(texts) {
			return false
		}
		for i, text := range texts {
			if !strings.Contains(st.Problems[i], text) {
				return false
			}
		}
		return true
	})
}

// answers are the servers that a box on a switch hears.
func (s *site) answers(t *testing.T, i int) []netip.Addr {
	t.Helper()
	// Its exit status is of no interest: the machine may lack boot programs.
	out, _ := exec.Command("ip", "netns", "exec", s.boxes[i], program(t), "doctor", "--json", "eth0").Output()
	var d struct{ Links []doctor.Report }
	if err := json.Unmarshal(out, &d); err != nil || len(d.Links) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	var who []netip.Addr
	for _, a := range d.Links[0].Answers {
		who = append(who, a.Server)
	}
	return who
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

func (s *site) hears(t *testing.T, when string, i int, want ...string) {
	t.Helper()
	if got := s.answers(t, i); !slices.Equal(got, addrs(want...)) {
		t.Errorf("%s: %v answer, want %v", when, got, want)
	}
}

// TestGate: beside another DHCP server the appliance is silent and says so; when that
// is ended, it serves.
func TestGate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.declare("")
	stop := s.dnsmasq(0)
	c := s.up("eth1")
	s.shows(c, "eth1: another DHCP server answers: 10.77.0.2")
	s.hears(t, "beside dnsmasq", 0, "10.77.0.2")
	stop()
	s.declare(", domain: rack.example") // any edit makes it look at once
	s.shows(c)
	s.hears(t, "alone", 0, "10.77.0.1")

	// Now dnsmasq comes back.
	s.dnsmasq(0)
	t.Run("the appliance goes on", func(t *testing.T) {
		t.Parallel()
		s.hears(t, "dnsmasq is back", 0, "10.77.0.1", "10.77.0.2")
	})
	t.Run("a second appliance", func(t *testing.T) { // may have a state folder of its own, but not this link
		t.Parallel()
		out, err := s.serve("second", "eth1").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "already serves the link eth1") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("a doctor on the appliance's machine", func(t *testing.T) {
		t.Parallel()
		out, _ := exec.Command("ip", "netns", "exec", s.appliance, program(t), "doctor", "eth1").CombinedOutput()
		for _, want := range []string{"an appliance serves eth1", "port 67/udp (DHCP) is ours", "port 80/tcp (HTTP) is ours", "10.77.0.2"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("it doesn't say %q:\n%s", want, out)
			}
		}
	})
}

// TestAllowOtherDHCP: the operator's word lets the appliance serve beside another.
func TestAllowOtherDHCP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.declare(", allow_other_dhcp: true")
	s.dnsmasq(0)
	c := s.up("eth1")
	s.shows(c, "which allow_other_dhcp allows")
	s.hears(t, "allowed", 0, "10.77.0.1", "10.77.0.2")
}

// TestTwoLinks: each link is served with the address that the appliance has there,
// and looked at by itself.
func TestTwoLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.declare("")
	s.dnsmasq(0)
	c := s.up("eth1, eth2")
	s.shows(c, "eth1: another DHCP server answers")
	t.Run("the first link", func(t *testing.T) {
		t.Parallel()
		s.hears(t, "beside dnsmasq", 0, "10.77.0.2")
	})
	t.Run("the second link", func(t *testing.T) {
		t.Parallel()
		s.hears(t, "alone", 1, "10.78.0.1")
	})
	for i, box := range s.boxes {
		at := subnets[i] + "1"
		for _, fetch := range [][]string{
			{"busybox", "wget", "-q", "-O", filepath.Join(s.dir, "http"), "http://" + at + "/boot/file/undionly.kpxe"},
			{"busybox", "tftp", "-g", "-r", "undionly.kpxe", "-l", filepath.Join(s.dir, "tftp"), at},
		} {
			sh(t, append([]string{"ip", "netns", "exec", box}, fetch...)...)
		}
	}
}
