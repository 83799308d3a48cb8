//go:build e2e

package appliance_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
)

// secretToken has the form of an install's token.
const secretToken = "aB3dEfGh1JkLmN0pQrStUvWxYz234567"

// TestTrace: real clients of DHCP, TFTP, HTTP and the agents' port, a host of the inventory
// and a box outside it, are all in `rackhand trace`. tcpdump reads the same DHCP packets
// from its file and from the wire.
func TestTrace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const mac = "52:54:00:77:00:01"
	sh(t, "ip", "-n", s.boxes[0], "link", "set", "eth0", "down")
	sh(t, "ip", "-n", s.boxes[0], "link", "set", "eth0", "address", mac)
	sh(t, "ip", "-n", s.boxes[0], "link", "set", "eth0", "up")
	s.declare("")
	hosts := "hosts:\n  web1: {mac: \"" + mac + "\", address: 10.77.0.130, install: never}\n"
	if err := os.WriteFile(filepath.Join(s.dir, "inventory", "hosts.yaml"), []byte(hosts), 0o644); err != nil {
		t.Fatal(err)
	}
	wire := s.capture(t)
	s.up("eth1")
	socket := filepath.Join(s.dir, "state.sock")
	s.wait("the appliance answers", func() bool { return exec.Command(program(t), "trace", "--socket", socket, "web1").Run() == nil })
	ask := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(program(t), append([]string{"trace", "--socket", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	if out := ask("web1"); !strings.Contains(out, "no packet or request of web1") {
		t.Errorf("before any packet: %s", out)
	}
	follow := s.follow(t, socket, "web1")

	s.lease(t)
	in := func(args ...string) { // their exit status is of no interest
		_ = exec.Command("ip", append([]string{"netns", "exec", s.boxes[0]}, args...)...).Run()
	}
	in("busybox", "tftp", "-g", "-r", "nosuch", "-l", "/dev/null", "10.77.0.1")
	in("curl", "-s", "-m", "10", "--interface", "10.77.0.130", "http://10.77.0.1/i/"+secretToken+"/ks?password=hunter2")
	in("curl", "-s", "-m", "10", "--interface", "10.77.0.130", "http://10.77.0.1//x/"+secretToken+"?"+secretToken)
	in("curl", "-s", "-m", "10", "-k", "--interface", "10.77.0.130", "https://10.77.0.1:8443/v1/time")

	text := ask("web1")
	t.Logf("the trace:\n%s", text)
	for _, want := range []string{
		`< DISCOVER by a system's client, .*vendor class "udhcp.*: offered 10\.77\.0\.130`,
		`> OFFER of 10\.77\.0\.130, server 10\.77\.0\.1, lease 1 h,`,
		`< REQUEST by a system's client, asks for 10\.77\.0\.130, names server 10\.77\.0\.1.*: acknowledged 10\.77\.0\.130`,
		`> ACK of 10\.77\.0\.130`,
		`< TFTP asks for "nosuch": refused: file not found`,
		`< HTTP GET /i/…/ks\?…: 403, \d+ bytes`,
		`< HTTP GET //x/…\?…: 404`,
		`< agent GET /v1/time: 200`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the trace lacks %s", want)
		}
	}
	for _, secret := range []string{secretToken, "hunter2"} {
		if strings.Contains(text+ask("--json", "web1"), secret) {
			t.Errorf("the trace has %s", secret)
		}
	}
	s.wait("what comes is followed", func() bool { return strings.Count(follow(), "\n") >= strings.Count(text, "\n") })

	stranger := s.unclaimed(t)
	if text := ask(stranger); !regexp.MustCompile(`DISCOVER by a system's client.*: (probed first, then |to be )?offered`).MatchString(text) {
		t.Errorf("the box outside the inventory: %s", text)
	}
	if out, err := exec.Command(program(t), "trace", "--socket", socket, "web9").CombinedOutput(); err == nil || !strings.Contains(string(out), "no such host") {
		t.Errorf("an unknown host: %v %s", err, out)
	}
	s.samePackets(t, mac, wire, func(file string) string { return ask("--pcap", file, "web1") })
	var lines []provision.TraceLine
	for l := range strings.Lines(ask("--json", mac)) {
		var x provision.TraceLine
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		lines = append(lines, x)
	}
	if i := slices.IndexFunc(lines, func(l provision.TraceLine) bool { return l.Fields["message"] == "ACK" && len(l.Frame) > 300 }); i < 0 {
		t.Errorf("no ACK with its frame: %+v", lines)
	}
}

// lease has the box get its lease, by udhcpc, and use the address.
func (s *site) lease(t *testing.T) {
	t.Helper()
	script := filepath.Join(s.dir, "udhcpc.sh")
	text := "#!/bin/sh\n[ \"$1\" != bound ] || { ip addr flush dev $interface; ip addr add $ip/24 dev $interface; }\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	s.wait("the box gets a lease", func() bool {
		return exec.Command("ip", "netns", "exec", s.boxes[0], "busybox", "udhcpc", "-f", "-q", "-n", "-t", "4", "-T", "1", "-i", "eth0", "-s", script).Run() == nil
	})
}

// unclaimed has a box that isn't in the inventory ask for a lease, by dhclient, and returns
// its MAC. It is the switch itself.
func (s *site) unclaimed(t *testing.T) string {
	t.Helper()
	mac := strings.TrimSpace(sh(t, "ip", "netns", "exec", s.switches[0], "cat", "/sys/class/net/br0/address"))
	cmd := exec.Command("timeout", "20", "ip", "netns", "exec", s.switches[0], "dhclient", "-4", "-1", "-d", "-lf", "/dev/null",
		"-pf", filepath.Join(s.dir, "dhclient.pid"), "-sf", "/bin/true", "br0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for said := bufio.NewScanner(stderr); said.Scan(); {
		if strings.Contains(said.Text(), "DHCPACK") {
			return mac
		}
	}
	t.Fatal("dhclient got no lease")
	return ""
}

// capture records the DHCP packets on the appliance's port of the first switch, by tcpdump.
func (s *site) capture(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(s.dir, "wire.pcap")
	s.start(exec.Command("ip", "netns", "exec", s.switches[0], "tcpdump", "-Z", "root", "-U", "-i", "uplink", "-w", file, "udp port 67"))
	s.wait("tcpdump listens", func() bool { st, err := os.Stat(file); return err == nil && st.Size() >= 24 })
	return file
}

// follow runs `rackhand trace --follow`, and returns what it has printed so far.
func (s *site) follow(t *testing.T, socket, box string) func() string {
	t.Helper()
	out := &lines{}
	cmd := exec.Command(program(t), "trace", "--socket", socket, "--follow", box)
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return out.String
}

// samePackets compares what tcpdump reads from a trace's file and from the wire. IP's own
// fields, which the appliance doesn't see, are left out.
func (s *site) samePackets(t *testing.T, mac, wire string, export func(file string) string) {
	t.Helper()
	unseen := regexp.MustCompile(`\(tos [^\n]*\)\n|\[[^\]]*sum[^\]]*\]|^reading from.*`)
	read := func(file string) []string {
		out := sh(t, "tcpdump", "-nn", "-e", "-t", "-vvv", "-r", file, "ether host "+mac)
		_, out, _ = strings.Cut(out, "\n")
		return strings.Split(unseen.ReplaceAllString(out, ""), "\n")
	}
	file := filepath.Join(s.dir, "trace.pcap")
	var got, want []string
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		export(file)
		got, want = read(file), read(wire)
		if slices.Equal(got, want) && len(got) > 20 {
			return
		}
		if time.Now().After(end) {
			break
		}
	}
	t.Errorf("tcpdump reads from the trace:\n%s\nand from the wire:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
}
