//go:build e2e

package simulated_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rackhand/provision/janitor/space"
	"rackhand/provision/rack/simulated"
)

const farMAC = "52:54:00:00:00:02"

// TestUnproved: behind a router only its lease and its REQUEST identify a box. Both go
// through a real relay. The box is installed, and the journal says that it got script and
// answer file unproved.
func TestUnproved(t *testing.T) {
	t.Parallel()
	dnsmasq, err := exec.LookPath("dnsmasq")
	if err != nil {
		t.Fatalf("%v: install the package dnsmasq-base", err)
	}
	r := newTestRack(t)
	r.extend(`networks: {far: {subnet: 10.78.0.0/24, gateway: 10.78.0.1}}
hosts:
  far1: {mac: "` + farMAC + `", address: 10.78.0.11, system: rocky9, kickstart: rhel.ks, install: first-boot, variables: {root_password: root}}
`)
	router, away := space.New(t, "router"), space.New(t, "far")
	r.ip("link", "add", "port8", "type", "veth", "peer", "name", "uplink", "netns", router)
	r.ip("link", "set", "port8", "master", "br0", "up")
	r.ip("-n", away, "link", "add", "nic", "address", farMAC, "type", "veth", "peer", "name", "port", "netns", router)
	r.ip("-n", router, "addr", "add", "10.77.0.254/24", "dev", "uplink")
	r.ip("-n", router, "addr", "add", "10.78.0.1/24", "dev", "port")
	r.ip("-n", router, "link", "set", "uplink", "up")
	r.ip("-n", router, "link", "set", "port", "up")
	r.ip("-n", away, "link", "set", "nic", "up")
	r.ip("-n", away, "route", "add", "10.77.0.0/24", "via", "10.78.0.1", "dev", "nic", "onlink")
	r.ip("netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	if out, err := r.rack.Command(t.Context(), "ip", "route", "add", "10.78.0.0/24", "via", "10.77.0.254").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	relay := exec.Command("ip", "netns", "exec", router, dnsmasq, "--no-daemon", "--port=0", "--conf-file=/dev/null", "--dhcp-relay=10.78.0.1,10.77.0.1")
	if err := relay.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Process.Kill(); _ = relay.Wait() })
	for { // the box would wait for longer than until then
		out, err := exec.Command("ip", "netns", "exec", router, "ss", "-uln").Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), ":67 ") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.link, r.beside = "nic", func(ctx context.Context, name string, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", away, name}, args...)...)
	}
	res := r.run(powered{Options: simulated.Options{}})
	if !res.Installed || res.Installs != 1 {
		t.Errorf("%+v", res)
	}
	all, err := r.client.Events(t.Context(), "far1")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range all {
		t.Logf("%-9s %-16s %-10s %s %v", e.Source, e.Kind, e.Stage, e.Message, e.Fields)
		switch e.Kind {
		case "unproved":
			what, _, _ := strings.Cut(e.Message, " goes to")
			told = append(told, what)
		case "another-mac", "boot-unheard", "token-refused":
			t.Errorf("%s: %s", e.Kind, e.Message)
		}
	}
	if len(all) == 0 || strings.Join(told, ", ") != "the boot script, the answer file" {
		t.Errorf("unproved: %q", told)
	}
}
