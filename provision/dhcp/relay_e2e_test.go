//go:build e2e

package dhcp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// peer finds a program of a package that must never be installed on a machine with a
// network. `.ci/peers DIR PKG` unpacks such a package into a folder.
func peer(t *testing.T, pkg, path string) string {
	t.Helper()
	dir := os.Getenv("RACKHAND_PEERS")
	if dir == "" {
		t.Fatalf("RACKHAND_PEERS isn't set: `.ci/peers DIR %s` unpacks what this test needs, then set it to DIR", pkg)
	}
	file := filepath.Join(dir, pkg, path)
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v: `.ci/peers %s %s` unpacks it", err, dir, pkg)
	}
	return file
}

// listens waits until a program listens on a UDP port.
func listens(t *testing.T, ns string, p *program, port string) {
	t.Helper()
	for range 1200 { // a minute, since the machine may be busy
		if strings.Contains(sh(t, "ip", "netns", "exec", ns, "ss", "-uln"), port+" ") {
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("it ended before it listened on %s: %s", port, p)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("it doesn't listen on %s: %s", port, p)
}

// relayBetween makes three namespaces in a row: the server in rack1, a router, and a client
// in rack2.
func relayBetween(t *testing.T, mac inventory.MAC) (server, router, client string) {
	t.Helper()
	server, router, client = namespace(t, "s"), namespace(t, "r"), namespace(t, "c")
	sh(t, "ip", "-n", server, "link", "add", "srv", "type", "veth", "peer", "name", "uplink", "netns", router)
	sh(t, "ip", "-n", client, "link", "add", "cli", "type", "veth", "peer", "name", "port", "netns", router)
	for _, a := range [][3]string{{server, "srv", "10.77.0.1/24"}, {router, "uplink", "10.77.0.254/24"}, {router, "port", "10.78.0.1/24"}} {
		sh(t, "ip", "-n", a[0], "addr", "add", a[2], "dev", a[1])
		sh(t, "ip", "-n", a[0], "link", "set", a[1], "up")
	}
	sh(t, "ip", "-n", client, "link", "set", "cli", "address", mac.String())
	sh(t, "ip", "-n", client, "link", "set", "cli", "up")
	sh(t, "ip", "-n", server, "route", "add", "10.78.0.0/24", "via", "10.77.0.254")
	sh(t, "ip", "netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	return server, router, client
}

// TestRelay checks a claimed and an unclaimed box of another network behind real relays.
// They get addresses of their network, and renew and release directly with us. Their leases
// record the location that the relay sends.
func TestRelay(t *testing.T) {
	t.Parallel()
	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	dhclient := realClients(t)["dhclient"]
	dhcrelay := peer(t, "isc-dhcp-relay", "usr/sbin/dhcrelay")
	relays := map[string]struct {
		args    []string
		circuit string
	}{
		"dnsmasq":  {[]string{dnsmasq, "--no-daemon", "--port=0", "--conf-file=/dev/null", "--dhcp-relay=10.78.0.1,10.77.0.1"}, ""},
		"dhcrelay": {[]string{dhcrelay, "-4", "-d", "-a", "--no-pid", "-id", "port", "-iu", "uplink", "10.77.0.1"}, "port"},
	}
	boxes := map[string]struct {
		mac     inventory.MAC
		address string
	}{
		"claimed":   {away, "10.78.0.44"},
		"unclaimed": {stranger, "10.78.0.2"},
	}
	for name, relay := range relays {
		for box, tc := range boxes {
			t.Run(name+"/"+box, func(t *testing.T) {
				t.Parallel()
				server, router, client := relayBetween(t, tc.mac)
				d := serve(t, server, setup{Interface: "srv", Lease: shortLease})
				listens(t, router, run(t, router, relay.args...), ":67")
				hook, _ := script(t)
				p := dhclient.run(t, client, hook)
				first := d.lease(30*time.Second, tc.mac.String(), func(provision.Lease) bool { return true })
				if !strings.HasPrefix(first.Address, tc.address) || first.Relay == nil || first.Relay.Address != "10.78.0.1" || first.Relay.Circuit != relay.circuit {
					t.Errorf("the lease: %+v, relay %+v", first, first.Relay)
				}
				renewed := d.lease(30*time.Second, tc.mac.String(), func(l provision.Lease) bool { return l.Expires.After(first.Expires) })
				if !goesOn(renewed, first) || renewed.Relay == nil || *renewed.Relay != *first.Relay {
					t.Errorf("renewed: %+v, before: %+v", renewed, first)
				}
				dhclient.release(t, client, p)
				d.released(tc.mac, renewed)
			})
		}
	}
}
