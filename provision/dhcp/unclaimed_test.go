package dhcp

import (
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// biosROM makes the sender the PXE ROM of a BIOS.
func biosROM(p *dhcpv4.DHCPv4) {
	raw(60, "PXEClient:Arch:00000:UNDI:002001")(p)
	raw(93, "\x00\x00")(p)
	p.SetBroadcast()
}

// file is the boot file that a client gets after the whole exchange.
func (b *testServer) file(mac inventory.MAC, who ...option) string {
	b.t.Helper()
	address := b.join(mac, who...)
	r := b.ask(requestMessage(mac, append(who, server("10.77.0.1"), requested(address))...))
	return r.BootFileName
}

// TestUnclaimedWaits checks the boot files of a box outside the inventory, on a network whose
// unclaimed boxes wait: firmware gets iPXE, and iPXE the script that waits. A plain client gets
// none, and after it, the box isn't held up any more, also by a server that was restarted.
func TestUnclaimedWaits(t *testing.T) {
	const script = "http://10.77.0.1/boot/ipxe?mac=52:54:00:99:00:01"
	b := newTestServer(t)
	if got := b.file(stranger, pxe); got != "" {
		t.Errorf("without unclaimed.wait: %q", got)
	}
	b.snap.Networks["rack1"].UnclaimedWait = 10 * time.Minute
	for name, tc := range map[string]struct {
		who  option
		want string
	}{"BIOS": {biosROM, boot.ProgramBIOS}, "UEFI": {pxe, boot.ProgramUEFI}, "iPXE": {ipxe, script}, "a host": {pxe, ""}} {
		mac := stranger
		if name == "a host" {
			mac = web1 // its installs are on request
		}
		if got := b.file(mac, tc.who); got != tc.want {
			t.Errorf("%s got %q, not %q", name, got, tc.want)
		}
	}
	if l := b.lease(stranger); l == nil || l.Ran || !strings.HasPrefix(l.Address, "10.77.0.20") || l.Host != "" {
		t.Errorf("the lease of a box that waits: %+v", l)
	}
	if got := b.file(stranger, func(*dhcpv4.DHCPv4) {}); got != "" {
		t.Errorf("a plain client got %q", got)
	}
	b.start(b.Store)
	for _, who := range []option{biosROM, pxe, ipxe} {
		if got := b.file(stranger, who); got != "" {
			t.Errorf("a box that has a system got %q", got)
		}
	}
}

// TestClaimedWhileItWaits checks that a box that was claimed gets its own address and what it boots when
// it asks again.
func TestClaimedWhileItWaits(t *testing.T) {
	b := newTestServer(t)
	b.snap.Networks["rack1"].UnclaimedWait = 10 * time.Minute
	b.file(stranger, ipxe)
	b.snap.Hosts["web1"].MACs = append(b.snap.Hosts["web1"].MACs, stranger)
	b.arm("web1")
	if got := b.file(stranger, ipxe); !strings.HasSuffix(got, stranger.String()) {
		t.Errorf("it got %q", got)
	}
	if l := b.lease(stranger); l.Address != "10.77.0.130" || l.Host != "web1" {
		t.Errorf("%+v", l)
	}
}
