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

// fillMain sends replies to addresses without a machine until the socket is full, and
// prints the effects.
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
		// Others still get their replies: clients on the link with and without an address, and
		// those that are reached by broadcast.
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
	return fmt.Errorf("the socket accepted all %d replies", inAll)
}

// TestUnresolvedAddresses checks that replies to addresses without a machine, such as
// relays that don't exist, fill a buffer of their own and are then dropped. All others are
// sent. Waiting for that buffer, for the three seconds that ARP takes, would delay every
// other client.
func TestUnresolvedAddresses(t *testing.T) {
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
