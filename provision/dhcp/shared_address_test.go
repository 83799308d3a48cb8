package dhcp

import (
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// TestSecondCard checks that a host's second card gets neither the address that the first
// one is using, nor anything to boot. It does once the first one is silent.
func TestSecondCard(t *testing.T) {
	b := newTestServer(t)
	b.arm("web2")
	if got := b.join(web2nic2, pxe); got != "10.77.0.131" {
		t.Fatalf("the second card alone got %s", got)
	}
	if got := b.join(web2, pxe); got != "10.77.0.131" {
		t.Fatalf("the first card got %s", got)
	}
	b.kinds()
	r := b.ask(discover(web2nic2, pxe))
	if r.YourIPAddr.String() == "10.77.0.131" || r.BootFileName != "" {
		t.Errorf("both at once: the second one got %s and %q", r.YourIPAddr, r.BootFileName)
	}
	b.join(web2nic2, pxe)
	b.wantKinds("web2 ack") // no stage
	b.now = b.now.Add(2 * time.Hour)
	b.arm("web2")
	if got := b.join(web2nic2, pxe); got != "10.77.0.131" {
		t.Errorf("after the first one's lease: %s", got)
	}
}

// TestClaimOf checks which card of a host may have its address.
func TestClaimOf(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	lease := &provision.Lease{}
	offered := slot{until: now.Add(time.Minute)}
	held := slot{until: now.Add(time.Hour), lease: lease, acked: now.Add(-time.Minute)}
	fresh := slot{until: now.Add(time.Hour), lease: lease, acked: now.Add(-time.Second)}
	ended := slot{until: now, lease: lease}
	found := func(by inventory.MAC, ago time.Duration) sighting { return sighting{by, now.Add(-ago)} }
	noCard := inventory.MAC{}
	for _, tc := range []struct {
		name           string
		first, guarded bool
		before         slot
		seen           sighting
		want           claim
	}{
		{"nothing under way, the first card", true, false, held, sighting{}, claimGranted},
		{"nothing under way, another card", false, false, held, sighting{}, claimRefused},
		{"nothing under way, another card, the first was offered it", false, false, offered, sighting{}, claimRefused},
		{"nothing under way, the lease has ended", false, false, ended, sighting{}, claimGranted},
		{"the lease has ended", false, true, ended, sighting{}, claimGranted},
		{"an offer proves nothing", false, true, offered, sighting{}, claimGranted},
		{"just acknowledged", true, true, fresh, sighting{}, claimPending},
		{"acknowledged a while ago", true, true, held, sighting{}, claimUnknown},
		{"the other card answers", true, true, held, found(web2nic2, time.Second), claimRefused},
		{"it answers, and has renewed", true, true, fresh, found(web2nic2, time.Second), claimRefused},
		{"no card answers", true, true, held, found(noCard, time.Second), claimGranted},
		{"no card answers, another card asks", false, true, held, found(noCard, time.Second), claimGranted},
		{"the asking card answers", true, true, held, found(web2, time.Second), claimGranted},
		{"no card answered long ago", true, true, held, found(noCard, sightedFor), claimUnknown},
		{"the other card answered long ago", true, true, held, found(web2nic2, sightedFor), claimUnknown},
		{"seen before the clock was set back", true, true, held, found(noCard, -time.Hour), claimUnknown},
	} {
		if got := claimOf(tc.first, tc.guarded, web2nic2, tc.before, tc.seen, now); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// TestForgedCard checks a host that boots by its second card and is being installed.
// Packets in its first card's name take neither its address nor its lease nor its boot
// program.
func TestForgedCard(t *testing.T) {
	b, f, sent, expire := probing(t)
	b.arm("web2")
	b.UnderWay = func(host string) bool { return host == "web2" }
	forge := func() {
		t.Helper()
		b.ask(message(web2nic2, dhcpv4.MessageTypeRelease, ciaddr("10.77.0.131"), server("10.77.0.1")))
		for _, m := range []*dhcpv4.DHCPv4{
			discover(web2, pxe), requestMessage(web2, pxe, server("10.77.0.1"), requested("10.77.0.131")),
			requestMessage(web2, requested("10.77.0.131")), requestMessage(web2, ciaddr("10.77.0.131")),
		} {
			if r := b.ask(m); r != nil && r.MessageType() != nak && r.YourIPAddr.String() == "10.77.0.131" {
				t.Fatalf("%s: %v", m.MessageType(), r)
			}
		}
		if l := b.lease(web2nic2); l == nil || l.Address != "10.77.0.131" || !l.Expires.After(b.now) || b.lease(web2) != nil {
			t.Fatalf("the lease is %+v; the first card's %+v", l, b.lease(web2))
		}
	}
	b.ask(discover(web2, pxe)) // an offer that no client takes
	for _, client := range []option{pxe, ipxe} {
		if got := b.join(web2nic2, client); got != "10.77.0.131" {
			t.Fatalf("the box got %s", got)
		}
		forge()
		expire() // the probe of the offer
		b.now = b.now.Add(settling)
		f.asked = nil
		forge()
		if len(f.asked) != 1 || f.asked[0] != "arp 10.77.0.131" {
			t.Fatalf("asked %q", f.asked)
		}
		b.answers("10.77.0.131", web2nic2, sent)
		forge()
		expire()
		b.now = b.now.Add(sightedFor)
	}
	if kinds := b.kinds(); !slices.Contains(kinds, "web2 address-claimed") {
		t.Errorf("events %q", kinds)
	}
	if r := b.ask(requestMessage(web2nic2, ciaddr("10.77.0.131"))); r == nil || r.MessageType() != ack {
		t.Errorf("its renewal: %v", r)
	}
}

// TestOtherCardComes checks a box that no longer answers at its address. The other card
// gets the address as soon as it asks again, whichever had it. So a forged lease of an
// absent card doesn't keep the real one away. The same holds when no probe can be sent.
func TestOtherCardComes(t *testing.T) {
	for name, who := range map[string][2]inventory.MAC{"by the second card": {web2, web2nic2}, "by the first card": {web2nic2, web2}} {
		for _, fail := range []error{nil, errNoEcho} {
			b, f, _, expire := probing(t)
			b.arm("web2")
			b.UnderWay = func(host string) bool { return host == "web2" }
			b.join(who[0], pxe)
			expire()
			b.now = b.now.Add(settling)
			f.fail = fail
			if r := b.ask(discover(who[1], pxe)); r != nil {
				t.Fatalf("%s: answered before a probe: %v", name, r)
			}
			expire()
			b.now = b.now.Add(4 * time.Second) // RFC 2131 section 4.1: it asks again
			got := b.ask(discover(who[1], pxe))
			want := fail == nil || who[1] == web2
			if got == nil || (got.YourIPAddr.String() == "10.77.0.131") != want {
				t.Fatalf("%s: %v", name, got)
			}
			if want && b.join(who[1], pxe) != "10.77.0.131" {
				t.Errorf("%s: not its own", name)
			}
		}
	}
}
