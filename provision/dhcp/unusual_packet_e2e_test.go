//go:build e2e

package dhcp

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"

	"rackhand/inventory"
)

// envUnusual is the interface on which unusualMain sends.
const envUnusual = "RACKHAND_DHCP_E2E_UNUSUAL"

// unusualMain sends unusual packets as frames, and prints a line for the reply to each: its
// type, address and boot file, and for a relayed packet option 118.
func unusualMain(ifname string) error {
	_, conn, err := rawSocket(ifname)
	if err != nil {
		return err
	}
	defer conn.Close()
	everyone := inventory.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	from, to := netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67")
	ask := func(p []byte) (*dhcpv4.DHCPv4, error) {
		if _, err := conn.WriteTo(frame(web1, everyone, from, to, p), &packet.Addr{HardwareAddr: everyone.HardwareAddr()}); err != nil {
			return nil, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return nil, err
		}
		for buf := make([]byte, 2000); ; {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return nil, err
			}
			if n < 42 || buf[23] != 17 || !slices.Contains([]uint16{67, 68}, binary.BigEndian.Uint16(buf[36:])) || buf[42] != 2 {
				continue
			}
			r, err := dhcpv4.FromBytes(buf[42:n])
			if err == nil && r.TransactionID == dhcpv4.TransactionID(p[4:8]) {
				return r, nil
			}
		}
	}
	for i, o := range unusualPackets() {
		if o.none {
			continue // dnsmasq takes it for BOOTP, which we don't speak
		}
		p := o.bytes()
		p[7] = byte(i) // a transaction of its own
		r, err := ask(p)
		if err != nil {
			fmt.Printf("%s: nothing\n", o.name)
			continue
		}
		fmt.Printf("%s: %s %s %q\n", o.name, r.MessageType(), r.YourIPAddr, cmp.Or(r.BootFileName, strings.TrimRight(string(r.Options[67]), "\x00")))
	}
	relayed := discover(away, relayed("10.77.0.254"), raw(118, bytesOf("10.78.0.0")))
	r, err := ask(relayed.ToBytes())
	if err != nil {
		return fmt.Errorf("subnet selection: %w", err)
	}
	fmt.Printf("subnet selection: %s %s %s\n", r.MessageType(), r.YourIPAddr, net.IP(r.Options[118]))
	return nil
}

// TestUnusualPacketsAsDnsmasq sends the same frames to us and to dnsmasq.
func TestUnusualPacketsAsDnsmasq(t *testing.T) {
	t.Parallel()
	dnsmasq := need(t, "dnsmasq", "dnsmasq-base")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, who := range []string{"rackhand", "dnsmasq"} {
		server, client := pair(t, web1)
		sh(t, "ip", "-n", client, "addr", "add", "10.77.0.254/24", "dev", "cli") // the relay's
		if who == "rackhand" {
			serve(t, server, setup{Interface: "srv"})
		} else {
			listens(t, server, run(
				t, server, dnsmasq, "--no-daemon", "--port=0", "--conf-file=/dev/null", "--dhcp-leasefile=/dev/null",
				"--dhcp-authoritative", "--no-ping", "--dhcp-range=10.77.0.200,10.77.0.203,2m", "--dhcp-host="+web1.String()+",10.77.0.130",
				"--dhcp-range=10.78.0.200,10.78.0.203,255.255.255.0,2m", "--dhcp-host="+away.String()+",10.78.0.44",
				"--dhcp-match=set:uefi,option:client-arch,7", "--dhcp-boot=tag:uefi,snponly.efi",
			), ":67")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "ip", "netns", "exec", client, self)
		cmd.Env = append(os.Environ(), envUnusual+"=cli")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", who, err, out)
		}
		said[who] = string(out)
	}
	if said["rackhand"] != said["dnsmasq"] || strings.Count(said["rackhand"], "OFFER") != len(unusualPackets()) {
		t.Errorf("rackhand:\n%s\ndnsmasq:\n%s", said["rackhand"], said["dnsmasq"])
	}
}
