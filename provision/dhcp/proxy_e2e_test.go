//go:build e2e

package dhcp

import (
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// otherServer is the address of a real dnsmasq that assigns the addresses of rack1.
const otherServer = "10.77.0.66"

// beside starts dnsmasq in its own namespace, on the bridge of another one. It assigns web1
// and the relayed host their addresses of the inventory, and no boot files.
func beside(t *testing.T, ns string) {
	t.Helper()
	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	other := namespace(t, "d")
	sh(t, "ip", "-n", ns, "link", "add", "port", "type", "veth", "peer", "name", "eth0", "netns", other)
	sh(t, "ip", "-n", ns, "link", "set", "port", "master", "br0")
	sh(t, "ip", "-n", ns, "link", "set", "port", "up")
	sh(t, "ip", "-n", other, "addr", "add", otherServer+"/24", "dev", "eth0")
	sh(t, "ip", "-n", other, "link", "set", "eth0", "up")
	sh(t, "ip", "-n", other, "route", "add", "10.78.0.0/24", "via", "10.77.0.254")
	p := run(
		t, other, dnsmasq, "--no-daemon", "--port=0", "--conf-file=/dev/null", "--dhcp-leasefile=/dev/null", "--log-dhcp",
		"--dhcp-authoritative", "--dhcp-range=10.77.0.200,10.77.0.203,2m", "--dhcp-host="+web1.String()+",10.77.0.130",
		"--dhcp-range=set:far,10.78.0.200,10.78.0.203,255.255.255.0,2m", "--dhcp-host="+away.String()+",10.78.0.44",
		"--dhcp-option=tag:far,option:router,10.78.0.1",
		"--dhcp-option=tag:!far,option:router,10.77.0.254", "--dhcp-option=option:dns-server,10.77.0.1",
	)
	listens(t, other, p, ":67")
}

// TestProxyBesideDnsmasq boots real firmware from us, with addresses from dnsmasq: each
// form of a proxy's offer, up to the script.
func TestProxyBesideDnsmasq(t *testing.T) {
	t.Parallel()
	heard := func(client string) []string { return []string{"EVENT", `"observed"`, "addressed", client, otherServer} }
	// The box asks for the script from the observed address.
	script := []string{"SCRIPT", web1.String(), "10.77.0.130:"}
	chained := [][]string{heard("iPXE"), script}
	for _, tc := range []struct {
		name string
		form inventory.ProxyForm
		box  func(*testing.T) []string
		want [][]string
	}{
		{"BIOS", inventory.ProxyPXE, bios, chained},
		{"UEFI PXE", inventory.ProxyPXE, uefi, append([][]string{heard("PXE"), {"FILE TFTP snponly.efi"}}, chained...)},
		{"UEFI PXE, binl", inventory.ProxyBINL, uefi, append([][]string{heard("PXE"), {"EVENT", `"binl"`, "addressed", "snponly.efi"}, {"FILE TFTP snponly.efi"}}, chained...)},
		{"UEFI HTTP boot", inventory.ProxyPXE, uefiHTTP, append([][]string{heard("HTTP boot"), {"FILE GET snponly.efi"}}, chained...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ns := bridge(t)
			beside(t, ns)
			d := serve(t, ns, setup{Interface: "br0", Advertise: true, Mode: inventory.DHCPProxy, Form: tc.form})
			bootGuest(t, d, ns, tc.box(t), tc.want)
		})
	}
}

// TestProxyBehindRelay boots a box of a network behind a relay that forwards to dnsmasq and
// to us.
func TestProxyBehindRelay(t *testing.T) {
	t.Parallel()
	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	ns, router, far := bridge(t), namespace(t, "r"), namespace(t, "g")
	beside(t, ns)
	sh(t, "ip", "-n", far, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
	sh(t, "ip", "-n", far, "tuntap", "add", "tap0", "mode", "tap")
	sh(t, "ip", "-n", ns, "link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", router)
	sh(t, "ip", "-n", far, "link", "add", "port", "type", "veth", "peer", "name", "port", "netns", router)
	for _, in := range [][2]string{{ns, "uplink"}, {far, "port"}, {far, "tap0"}} {
		sh(t, "ip", "-n", in[0], "link", "set", in[1], "master", "br0", "up")
	}
	sh(t, "ip", "-n", far, "link", "set", "br0", "up")
	sh(t, "ip", "-n", router, "addr", "add", "10.77.0.254/24", "dev", "uplink")
	sh(t, "ip", "-n", router, "addr", "add", "10.78.0.1/24", "dev", "port")
	// A router advertisement spares iPXE 15 s of waiting for one.
	sh(t, "ip", "-n", router, "addr", "add", "fd78::1/64", "dev", "port", "nodad")
	sh(t, "ip", "-n", router, "link", "set", "uplink", "up")
	sh(t, "ip", "-n", router, "link", "set", "port", "up")
	sh(t, "ip", "-n", ns, "route", "add", "10.78.0.0/24", "via", "10.77.0.254")
	sh(t, "ip", "netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	listens(t, router, run(
		t, router, dnsmasq, "--no-daemon", "--port=0", "--conf-file=/dev/null",
		"--dhcp-relay=10.78.0.1,10.77.0.1", "--dhcp-relay=10.78.0.1,"+otherServer,
		"--enable-ra", "--dhcp-range=fd78::,ra-only",
	), ":67")
	d := serve(t, ns, setup{Interface: "br0", Far: inventory.DHCPProxy})
	bootGuest(t, d, far, []string{"-device", "virtio-net-pci,netdev=n,mac=" + away.String(), "-boot", "n"}, [][]string{
		{"EVENT", `"observed"`, "addressed", "iPXE", otherServer, `"relay":"10.78.0.1"`},
		{"SCRIPT", away.String(), "10.78.0.44:"},
	})
}

// TestProxyLeavesOthersAlone checks that a system that doesn't boot gets everything from
// dnsmasq, and that its lease is observed.
func TestProxyLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	busybox := need(t, "busybox", "busybox")
	ns := bridge(t)
	beside(t, ns)
	client := namespace(t, "c")
	sh(t, "ip", "-n", ns, "link", "add", "plug", "type", "veth", "peer", "name", "cli", "netns", client)
	sh(t, "ip", "-n", ns, "link", "set", "plug", "master", "br0")
	sh(t, "ip", "-n", ns, "link", "set", "plug", "up")
	sh(t, "ip", "-n", client, "link", "set", "cli", "address", web1.String())
	sh(t, "ip", "-n", client, "link", "set", "cli", "up")
	d := serve(t, ns, setup{Interface: "br0", Mode: inventory.DHCPProxy})
	hook, _ := script(t)
	p := run(t, client, busybox, "udhcpc", "-i", "cli", "-f", "-q", "-n", "-s", hook)
	p.await(t, 30*time.Second)
	d.lease(10*time.Second, web1.String(), func(l provision.Lease) bool {
		return l.Address == "10.77.0.130" && l.Server == otherServer && l.Host == "web1"
	})
	d.stop()
	for line := range d.lines {
		d.all = append(d.all, line)
	}
	for _, line := range d.all {
		if strings.Contains(line, "offering as a proxy") || strings.Contains(line, "answering") {
			t.Errorf("we answered: %s", line)
		}
	}
}
