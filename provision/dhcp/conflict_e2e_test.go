//go:build e2e

package dhcp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// picks is the address of a range that a box gets when all are free.
func picks(t *testing.T, r inventory.Range, mac inventory.MAC) string {
	t.Helper()
	addr, err := newTable().pick(r, mac, func(netip.Addr) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return addr.String()
}

// udhcpc runs busybox's client until it has a lease, and keeps the address set.
func udhcpc(t *testing.T, ns, hook string, more ...string) {
	t.Helper()
	busybox := need(t, "busybox", "busybox")
	args := append([]string{busybox, "udhcpc", "-i", "cli", "-f", "-q", "-t", "60", "-T", "2", "-A", "1", "-s", hook}, more...)
	run(t, ns, args...).await(t, 90*time.Second)
}

// squatted sets up a server, a client and a third machine on one bridge.
func squatted(t *testing.T) (d *serverProcess, client, squat string) {
	t.Helper()
	ns := bridge(t)
	client, squat = namespace(t, "c"), namespace(t, "q")
	for _, in := range [][3]string{{client, "plug", "cli"}, {squat, "other", "eth0"}} {
		sh(t, "ip", "-n", ns, "link", "add", in[1], "type", "veth", "peer", "name", in[2], "netns", in[0])
		sh(t, "ip", "-n", ns, "link", "set", in[1], "master", "br0", "up")
	}
	sh(t, "ip", "-n", client, "link", "set", "cli", "address", stranger.String())
	sh(t, "ip", "-n", squat, "link", "set", "eth0", "address", squatter.String())
	sh(t, "ip", "-n", client, "link", "set", "cli", "up")
	sh(t, "ip", "-n", squat, "link", "set", "eth0", "up")
	return serve(t, ns, setup{Interface: "br0"}), client, squat
}

// TestProbeByARP checks that an address isn't offered while a machine of our own link uses
// it, and that an event names the machine.
func TestProbeByARP(t *testing.T) {
	t.Parallel()
	d, client, squat := squatted(t)
	taken := picks(t, snapshot().Networks["rack1"].Leases, stranger)
	sh(t, "ip", "-n", squat, "addr", "add", taken+"/24", "dev", "eth0")
	hook, _ := script(t)
	udhcpc(t, client, hook)
	l := d.lease(30*time.Second, stranger.String(), func(provision.Lease) bool { return true })
	if l.Address == taken || !strings.HasPrefix(l.Address, "10.77.0.20") {
		t.Errorf("it was given %s, where another machine answers", l.Address)
	}
	d.until(30*time.Second, "EVENT", `"conflict"`, taken, squatter.String())
}

// TestProbeByEcho checks the same behind a relay, where ARP can't be used.
func TestProbeByEcho(t *testing.T) {
	t.Parallel()
	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	server, router, client := relayBetween(t, stranger)
	taken := picks(t, e2eSnapshot(setup{}).Networks["rack2"].Leases, stranger)
	sh(t, "ip", "-n", router, "addr", "add", taken+"/24", "dev", "port")
	d := serve(t, server, setup{Interface: "srv"})
	listens(t, router, run(t, router, dnsmasq, "--no-daemon", "--port=0", "--conf-file=/dev/null", "--dhcp-relay=10.78.0.1,10.77.0.1"), ":67")
	hook, _ := script(t)
	udhcpc(t, client, hook)
	l := d.lease(30*time.Second, stranger.String(), func(provision.Lease) bool { return true })
	if l.Address == taken || !strings.HasPrefix(l.Address, "10.78.0.2") {
		t.Errorf("it was given %s, where another machine answers", l.Address)
	}
	d.until(30*time.Second, "EVENT", `"conflict"`, taken)
}

// TestDeclines checks that a client that declines its address gets another one, and that an
// event reports it.
func TestDeclines(t *testing.T) {
	t.Parallel()
	d, client, squat := squatted(t)
	hook, _ := script(t)
	udhcpc(t, client, hook)
	first := d.lease(30*time.Second, stranger.String(), func(provision.Lease) bool { return true })
	sh(t, "ip", "-n", client, "addr", "flush", "dev", "cli")
	sh(t, "ip", "-n", squat, "addr", "add", first.Address+"/24", "dev", "eth0")
	udhcpc(t, client, hook, "-a")
	d.until(30*time.Second, "EVENT", `"decline"`, first.Address, "the address is withheld")
	d.lease(30*time.Second, stranger.String(), func(l provision.Lease) bool { return l.Address != first.Address })
}
