package dhcp

import (
	"context"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision/boot"
	"rackhand/provision/dhcp/boots"
)

// chains makes the host's decision that of boot.Decide for a host whose inventory names a
// program: every iPXE gets the program until it is known to be that program.
func chains(b *testServer) (asked *[]bool) {
	asked = new([]bool)
	b.Decide = func(_ context.Context, r boot.Request) (boot.Decision, error) {
		*asked = append(*asked, r.Chained)
		d := boot.Decision{Host: b.snap.HostByMAC(r.MAC), Action: boot.InstallIt, Program: "ipxe.efi"}
		if r.Client == boot.IPXE && r.Chained {
			d.Program, d.Script = "", true
		}
		return d, nil
	}
	return asked
}

// TestROMReplacedOnce checks that the iPXE in a card's ROM gets the host's program by TFTP,
// like firmware, and the program its script. The next boot goes the same way.
func TestROMReplacedOnce(t *testing.T) {
	const script = "http://10.77.0.1/boot/ipxe?mac=52:54:00:77:00:01"
	b := newTestServer(t)
	chains(b)
	give := func(who option) (file string, r *dhcpv4.DHCPv4) {
		t.Helper()
		b.ask(discover(web1, who))
		r = b.ask(requestMessage(web1, who, server("10.77.0.1"), requested("10.77.0.130")))
		return r.BootFileName, r
	}
	for round := range 2 {
		file, r := give(ipxe)
		if file != "ipxe.efi" || r.ServerIPAddr.String() != "10.77.0.1" || string(r.Options.Get(dhcpv4.OptionBootfileName)) != "ipxe.efi\x00" ||
			r.TFTPServerName() != "10.77.0.1" || r.Options.Has(dhcpv4.OptionClassIdentifier) {
			t.Errorf("round %d: the card's own iPXE got %s", round, r.Summary())
		}
		for range 3 { // it may ask several times
			if file, _ = give(ipxe); file != script {
				t.Errorf("round %d: the program got %q", round, file)
			}
		}
		b.now = b.now.Add(boots.ChainedFor)
	}
	// The same after firmware that isn't iPXE: what it loads isn't replaced at all.
	if file, _ := give(pxe); file != "ipxe.efi" {
		t.Errorf("firmware got %q", file)
	}
	if file, _ := give(ipxe); file != script {
		t.Errorf("what firmware loaded got %q", file)
	}
}

// TestOnlyAnAckCounts checks that an offer alone doesn't mark a card as chainloaded.
func TestOnlyAnAckCounts(t *testing.T) {
	b := newTestServer(t)
	asked := chains(b)
	b.ask(discover(web1, ipxe))
	b.ask(discover(web1, ipxe))
	b.join(web1) // a system boots nothing
	b.ask(discover(web1, ipxe))
	for i, chained := range *asked {
		if chained {
			t.Errorf("question %d: taken to run a program that it never got", i)
		}
	}
}

// TestWithoutHTTP checks that an iPXE without HTTP gets the TFTP name of its script.
func TestWithoutHTTP(t *testing.T) {
	noHTTP := func(p *dhcpv4.DHCPv4) {
		ipxe(p)
		raw(175, "\x12\x01\x01\x24\x01\x01")(p)
	}
	const tftp = "tftp://10.77.0.1/ipxe/52:54:00:77:00:01"
	b := newTestServer(t)
	b.arm("web1")
	r := b.ask(discover(web1, noHTTP))
	if r.BootFileName != tftp || string(r.Options.Get(dhcpv4.OptionBootfileName)) != tftp {
		t.Errorf("got %s", r.Summary())
	}
	if r = b.ask(discover(web1, ipxe)); r.BootFileName == tftp {
		t.Error("one with HTTP got it too")
	}
	b.TFTPScriptURL = nil
	if r = b.ask(discover(web1, noHTTP)); r.BootFileName != b.ScriptURL(web1) {
		t.Errorf("without TFTP scripts: %q", r.BootFileName)
	}
}
