//go:build e2e

package dhcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/inventory"
)

// fillMain sends replies to addresses where nobody is until the socket takes no more,
// and prints what that led to.
func fillMain(ifname string) error {
	l, err := listen(context.Background(), ifname, serverAddr, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer l.close()
	const inAll = 1 << 18
	full := 0
	for i := range inAll {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(2 + i%250)}), 67)
		l.send([]outgoing{{make([]byte, 500), destination{to: to}}}, func(_ outgoing, err error) {
			if full++; !errors.Is(err, unix.EAGAIN) {
				fmt.Println("ERROR", err)
			}
		})
		if full == 0 {
			continue
		}
		// That costs nobody else: neither a client on the link, whether it has an address or
		// not, nor whoever is told by broadcast.
		mac := inventory.MAC{2, 0, 0, 0, 0, 9}
		for _, d := range []destination{
			{to: netip.MustParseAddrPort("255.255.255.255:68")},
			{to: netip.MustParseAddrPort("10.77.0.9:68"), frame: true, mac: mac},
			{to: netip.MustParseAddrPort("10.77.0.9:68"), frame: true, has: true, mac: mac},
		} {
			for range 1000 {
				l.send([]outgoing{{make([]byte, 500), d}}, func(_ outgoing, err error) { fmt.Println("ERROR", d, err) })
			}
		}
		fmt.Println("full")
		return nil
	}
	return fmt.Errorf("%d replies were all taken", inAll)
}

// TestSilentAddresses: replies to addresses that nobody answers for, as relays that don't
// exist, fill a buffer of their own, and then are dropped; all others are sent. To wait for
// it, for the three seconds that ARP takes, would hold up everybody else.
func TestSilentAddresses(t *testing.T) {
	t.Parallel()
	server, _ := pair(t, web1)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", server, self)
	cmd.Env = append(os.Environ(), envFill+"=srv")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "full" {
		t.Errorf("%v: %s", err, out)
	}
}
