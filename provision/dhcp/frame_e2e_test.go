//go:build e2e

package dhcp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"

	"rackhand/inventory"
)

// rawSocket opens a socket for the IPv4 frames of an interface.
func rawSocket(ifname string) (*net.Interface, *packet.Conn, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, nil, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, 0x0800, nil)
	return ifi, conn, err
}

// frameMain is a client without an address that wants no broadcast. It prints how each
// reply came.
func frameMain(ifname string) error {
	ifi, conn, err := rawSocket(ifname)
	if err != nil {
		return err
	}
	defer conn.Close()
	everyone := inventory.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	mac := inventory.MAC(ifi.HardwareAddr)
	from, to := netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67")
	send := func(p *dhcpv4.DHCPv4) (*dhcpv4.DHCPv4, error) {
		f := frame(mac, everyone, from, to, p.ToBytes())
		if _, err := conn.WriteTo(f, &packet.Addr{HardwareAddr: everyone.HardwareAddr()}); err != nil {
			return nil, err
		}
		buf := make([]byte, 2000)
		for {
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				return nil, err
			}
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return nil, err
			}
			if n < 42 || buf[23] != 17 || binary.BigEndian.Uint16(buf[36:]) != 68 {
				continue
			}
			r, err := dhcpv4.FromBytes(buf[42:n])
			if err != nil {
				return nil, err
			}
			fmt.Printf("%s to %s at %s\n", r.MessageType(), netip.AddrFrom4([4]byte(buf[30:34])), inventory.MAC(buf[:6]))
			return r, nil
		}
	}
	offered, err := send(discover(mac))
	if err != nil {
		return err
	}
	_, err = send(requestMessage(mac, server(serverAddr.String()), requested(offered.YourIPAddr.String())))
	return err
}

// TestRawFrame checks that such a client, which answers no ARP, gets its replies as
// Ethernet frames to its hardware address.
func TestRawFrame(t *testing.T) {
	t.Parallel()
	server, client := pair(t, web1)
	serve(t, server, setup{Interface: "srv"})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", client, self)
	cmd.Env = append(os.Environ(), envClient+"=cli")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"OFFER to 10.77.0.130 at " + web1.String(), "ACK to 10.77.0.130 at " + web1.String()} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
