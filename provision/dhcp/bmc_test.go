package dhcp

import (
	"net/netip"
	"strings"
	"testing"

	"rackhand/inventory"
)

// web1BMC is the MAC of the port of web1's BMC.
var web1BMC = inventory.MAC{0x52, 0x54, 0, 0x77, 0x01, 1}

// withBMC gives web1 a BMC at an address.
func withBMC(snap *inventory.Snapshot, address string) {
	snap.Hosts["web1"].BMC = &inventory.BMC{MAC: web1BMC, Address: netip.AddrPortFrom(netip.MustParseAddr(address), 623)}
}

// TestBMCReservation checks that a BMC gets its address from us, and counts neither as its
// host nor as an unclaimed box.
func TestBMCReservation(t *testing.T) {
	b := newTestServer(t)
	withBMC(b.snap, "10.77.0.111")
	if got := b.join(web1BMC); got != "10.77.0.111" {
		t.Fatalf("it got %s", got)
	}
	b.wantKinds(web1BMC.String() + " ack")
	if l := b.lease(web1BMC); l.Host != "" || l.Address != "10.77.0.111" {
		t.Errorf("lease %+v", l)
	}
	// It renews, asks for it after a restart, and asks for another address.
	if r := b.ask(requestMessage(web1BMC, ciaddr("10.77.0.111"))); r == nil || r.MessageType() != ack {
		t.Errorf("renewal: %v", r)
	}
	if r := b.ask(requestMessage(web1BMC, requested("10.77.0.111"))); r == nil || r.MessageType() != ack {
		t.Errorf("init-reboot: %v", r)
	}
	b.wantKinds()
	if r := b.ask(requestMessage(web1BMC, requested("10.77.0.201"))); r == nil || r.MessageType() != nak {
		t.Errorf("another address: %v", r)
	}
	b.kinds()
	// It boots nothing, also when its host is being installed and it says that it is PXE
	// firmware; and it arms nothing.
	b.arm("web1")
	b.snap.Hosts["web1"].Install = inventory.FirstBoot
	if r := b.ask(discover(web1BMC, pxe)); r == nil || r.BootFileName != "" || r.Options[67] != nil {
		t.Errorf("it is given something to boot: %v", r)
	}
	b.wantKinds()
	// The host has its own address as before.
	if got := b.join(web1); got != "10.77.0.130" {
		t.Errorf("the host got %s", got)
	}
	// From another network it gets nothing, which is reported.
	if r := b.ask(discover(web1BMC, relayed("10.78.0.1"))); r != nil {
		t.Errorf("from another network: %v", r)
	}
	b.kinds()
}

// TestBMCWrongNetwork checks that a problem with a BMC's reservation is reported under its
// MAC.
func TestBMCWrongNetwork(t *testing.T) {
	b := newTestServer(t)
	withBMC(b.snap, "10.78.0.111")
	if r := b.ask(discover(web1BMC)); r != nil {
		t.Errorf("%v", r)
	}
	b.wantKinds(web1BMC.String() + " wrong-network")
	withBMC(b.snap, serverAddr.String())
	if r := b.ask(discover(web1BMC)); r != nil {
		t.Errorf("%v", r)
	}
	b.wantKinds(web1BMC.String() + " our-address")
}

// TestBMCDeclines checks that a BMC gets its reserved address again, and that the event
// says so.
func TestBMCDeclines(t *testing.T) {
	b := newTestServer(t)
	withBMC(b.snap, "10.77.0.111")
	b.join(web1BMC)
	b.kinds()
	b.ask(message(web1BMC, 4, server(serverAddr.String()), requested("10.77.0.111")))
	if len(b.events) != 1 || !strings.Contains(b.events[0].Message, "reserved") {
		t.Errorf("%+v", b.events)
	}
	if got := b.join(web1BMC); got != "10.77.0.111" {
		t.Errorf("it got %s", got)
	}
}

// TestBMCAddressIsTaken checks that no box of the range gets the address of a BMC, whether
// the BMC's MAC is known or not.
func TestBMCAddressIsTaken(t *testing.T) {
	b := newTestServer(t)
	b.snap.Networks["rack1"].Leases = inventory.Range{First: netip.MustParseAddr("10.77.0.200"), Last: netip.MustParseAddr("10.77.0.201")}
	b.snap.Hosts["web1"].BMC = &inventory.BMC{Address: netip.MustParseAddrPort("10.77.0.200:623")}
	if got := b.join(stranger); got != "10.77.0.201" {
		t.Errorf("the stranger got %s", got)
	}
	if r := b.ask(discover(web1BMC)); r != nil {
		t.Errorf("the range is full, and another box got %s", r.YourIPAddr)
	}
}

// TestUnknownBMC checks that a BMC of no host is recognised by what it sends, and that the
// event says how it is added.
func TestUnknownBMC(t *testing.T) {
	b := newTestServer(t)
	if got := b.join(stranger, raw(60, "iDRAC"), raw(12, "idrac-8GLQ2X2")); !strings.HasPrefix(got, "10.77.0.2") {
		t.Errorf("it got %s", got)
	}
	if len(b.events) != 1 || b.events[0].Kind != "unclaimed" || b.events[0].Fields["bmc"] != "Dell iDRAC" ||
		!strings.HasPrefix(b.events[0].Message, "probably a BMC (Dell iDRAC)") || !strings.Contains(b.events[0].Message, "`rackhand bmc add HOST --mac "+stranger.String()+"`") {
		t.Errorf("%+v", b.events)
	}
	// Firmware that says so boots all the same, and is none.
	b.events = nil
	b.ask(discover(inventory.MAC{0x52, 0x54, 0, 0x77, 9, 9}, pxe, raw(12, "bmc")))
	if len(b.events) != 1 || b.events[0].Fields["bmc"] != "" {
		t.Errorf("%+v", b.events)
	}
}
