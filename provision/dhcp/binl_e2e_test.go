//go:build e2e

package dhcp

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// binlMain asks at port 4011 like firmware that has an address, from port 68 and from
// another port, and prints the answers.
func binlMain(string) error {
	for _, port := range []int{dhcpv4.ClientPort, 4011} {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 77, 0, 130), Port: port}, &net.UDPAddr{IP: serverAddr.AsSlice(), Port: binlPort})
		if err != nil {
			return err
		}
		defer conn.Close()
		buf := make([]byte, 2000)
		n := 0
		for range 30 { // the port may not be open yet
			if _, err = conn.Write(requestMessage(web1, pxe, ciaddr("10.77.0.130")).ToBytes()); err == nil {
				if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
					return err
				}
				if n, err = conn.Read(buf); err == nil {
					break
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err != nil {
			return err
		}
		r, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			return err
		}
		fmt.Printf("%s of %s by port %d\n", r.MessageType(), r.BootFileName, port)
	}
	return nil
}

// TestBINLOnTheWire checks that answers of port 4011 go back to the packet's source, beside
// another server.
func TestBINLOnTheWire(t *testing.T) {
	t.Parallel()
	server, client := pair(t, web1)
	sh(t, "ip", "-n", client, "addr", "add", "10.77.0.130/24", "dev", "cli")
	d := serve(t, server, setup{Interface: "srv", Mode: inventory.DHCPProxy})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", client, self)
	cmd.Env = append(os.Environ(), envBINL+"=yes")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"ACK of snponly.efi by port 68", "ACK of snponly.efi by port 4011"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	d.until(30*time.Second, "EVENT", `"binl"`, "addressed")
}
