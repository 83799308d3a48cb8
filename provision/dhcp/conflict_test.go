package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

var squatter = inventory.MAC{0x52, 0x54, 0, 0x66, 0, 1}

// A fakeProber records the probed addresses, and answers only when the test does.
type fakeProber struct {
	asked []string
	fail  error
}

func (f *fakeProber) probe(addr netip.Addr, viaRelay bool) error {
	how := "arp"
	if viaRelay {
		how = "icmp"
	}
	f.asked = append(f.asked, how+" "+addr.String())
	return f.fail
}

// probing makes a server with a prober, and collects the replies that it sends. expire ends
// the time of all probes.
func probing(t *testing.T) (b *testServer, f *fakeProber, sent *[]*dhcpv4.DHCPv4, expire func()) {
	b, f, sent = newTestServer(t), &fakeProber{}, new([]*dhcpv4.DHCPv4)
	b.prober = f
	expire = func() {
		b.now = b.now.Add(probeWait)
		done, next := b.probes.expire(b.now)
		for _, p := range done {
			if p.reply != nil {
				r, err := dhcpv4.FromBytes(p.reply)
				if err != nil {
					t.Fatal(err)
				}
				*sent = append(*sent, r)
			}
			if p.owner != (inventory.MAC{}) {
				b.sighted(p.addr, inventory.MAC{})
			}
		}
		if !next.IsZero() {
			t.Errorf("something waits until %s", next)
		}
	}
	return b, f, sent, expire
}

// answers plays a machine that claims the address.
func (b *testServer) answers(addr string, by inventory.MAC, sent *[]*dhcpv4.DHCPv4) {
	b.conflict(context.Background(), netip.MustParseAddr(addr), by, func(replies ...outgoing) {
		for _, p := range replies {
			r, err := dhcpv4.FromBytes(p.reply)
			if err != nil {
				b.t.Fatal(err)
			}
			*sent = append(*sent, r)
		}
	})
}

// TestProbesFirstOffer checks that an address of the range is probed before its first
// offer, and never again for the same box. An offer of a reserved address doesn't wait.
func TestProbesFirstOffer(t *testing.T) {
	b, f, sent, expire := probing(t)
	if r := b.ask(discover(stranger)); r != nil {
		t.Fatalf("offered at once: %s", r.Summary())
	}
	expire()
	if len(*sent) != 1 || (*sent)[0].MessageType() != offer {
		t.Fatalf("sent %v", *sent)
	}
	addr := (*sent)[0].YourIPAddr.String()
	if r := b.ask(discover(stranger)); r == nil || r.YourIPAddr.String() != addr {
		t.Errorf("asked again: %v", r)
	}
	if got := b.join(stranger); got != addr {
		t.Errorf("joined as %s", got)
	}
	b.now = b.now.Add(48 * 3600e9)
	if got := b.join(stranger); got != addr {
		t.Errorf("after its lease ran out: %s", got)
	}
	b.start(b.Store)
	b.prober = f
	if got := b.join(stranger); got != addr {
		t.Errorf("after a restart: %s", got)
	}
	if got := b.join(web1); got != "10.77.0.130" {
		t.Errorf("the host got %s", got)
	}
	if r := b.ask(discover(away, relayed("10.78.0.1"))); r == nil {
		t.Error("the host behind the relay waits")
	}
	if want := []string{"arp " + addr, "arp 10.77.0.130", "icmp 10.78.0.44"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked about %q, want %q", f.asked, want)
	}
}

// TestAsksAgainWhileProbing checks that one offer is sent, and that it answers the latest
// DISCOVER.
func TestAsksAgainWhileProbing(t *testing.T) {
	b, f, sent, expire := probing(t)
	b.ask(discover(stranger))
	again := discover(stranger)
	again.TransactionID = dhcpv4.TransactionID{9, 9, 9, 9}
	if b.ask(again) != nil {
		t.Error("offered before the address was listened to")
	}
	expire()
	if len(*sent) != 1 || (*sent)[0].TransactionID != again.TransactionID || len(f.asked) != 1 {
		t.Errorf("sent %v, asked %q", *sent, f.asked)
	}
	if len(b.probes.byAddr)+len(b.probes.byMAC)+len(b.probes.queue) != 0 {
		t.Error("something is left")
	}
}

// TestAddressInUse checks an address on which a machine answers: it is withheld for a
// while, an event names the machine, and the client gets another address.
func TestAddressInUse(t *testing.T) {
	b, f, sent, expire := probing(t)
	b.ask(discover(stranger))
	var tried []string
	for range probeTries {
		last := f.asked[len(f.asked)-1]
		tried = append(tried, last)
		b.answers(last[len("arp "):], squatter, sent)
	}
	if len(f.asked) != probeTries || len(*sent) != 1 || slices.Contains(tried, "arp "+(*sent)[0].YourIPAddr.String()) {
		t.Fatalf("asked %q, sent %v", f.asked, *sent)
	}
	expire()
	if len(*sent) != 1 {
		t.Errorf("sent %v", *sent)
	}
	// Of four addresses three are withheld and one is held. None is left for another box.
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	if b.ask(discover(other)); len(f.asked) != probeTries {
		t.Errorf("asked %q", f.asked)
	}
	conflicts, unclaimed := 0, ""
	for _, e := range b.events {
		if e.Kind == "conflict" {
			conflicts++
			if e.Host != stranger.String() || e.Fields["other"] != squatter.String() || "arp "+e.Fields["address"] != tried[conflicts-1] {
				t.Errorf("event %+v", e)
			}
		}
		if e.Kind == "unclaimed" && e.Host == stranger.String() {
			unclaimed = e.Fields["address"]
		}
	}
	if conflicts != probeTries {
		t.Errorf("%d conflicts reported", conflicts)
	}
	if got := (*sent)[0].YourIPAddr.String(); unclaimed != got {
		t.Errorf("the box is said to be at %s, and got %s", unclaimed, got)
	}
	b.now = b.now.Add(declineHold)
	if b.ask(discover(other)); len(f.asked) != probeTries+1 {
		t.Error("the addresses are still withheld")
	}
}

// TestNoConflict checks the answers that aren't conflicts.
func TestNoConflict(t *testing.T) {
	b, f, sent, expire := probing(t)
	b.ask(discover(stranger))
	addr := f.asked[0][len("arp "):]
	b.answers(addr, stranger, sent) // the box itself, which still has the address
	b.answers("10.77.0.99", squatter, sent)
	b.ask(discover(web2nic2))
	b.answers("10.77.0.131", web2, sent) // the host's other card
	expire()
	b.answers(addr, squatter, sent) // too late: the client checks its address itself
	if len(*sent) != 1 || (*sent)[0].YourIPAddr.String() != addr {
		t.Errorf("sent %v", *sent)
	}
	if kinds := b.kinds(); slices.ContainsFunc(kinds, func(k string) bool { return k[len(k)-8:] == "conflict" }) {
		t.Errorf("events %q", kinds)
	}
}

// TestReservedIsTaken checks that a host gets its address even when another machine uses
// it, and that an event reports the machine, once a minute.
func TestReservedIsTaken(t *testing.T) {
	b, _, sent, expire := probing(t)
	for range 3 {
		if b.ask(discover(web1)) == nil {
			t.Fatal("the offer waits")
		}
		b.answers("10.77.0.130", squatter, sent)
	}
	b.wantKinds("web1 conflict")
	expire()
	if len(*sent) != 0 || len(b.table.declined) != 0 {
		t.Errorf("sent %v, resting %v", *sent, b.table.declined)
	}
	if got := b.join(web1); got != "10.77.0.130" {
		t.Errorf("the host got %s", got)
	}
}

// TestProbesAreBounded checks that addresses are offered unprobed when too many probes run,
// or a probe can't be sent.
func TestProbesAreBounded(t *testing.T) {
	b, f, _, expire := probing(t)
	b.snap.Networks["rack1"].Subnet = netip.MustParsePrefix("10.64.0.0/12")
	b.snap.Networks["rack1"].Leases = inventory.Range{First: netip.MustParseAddr("10.66.0.0"), Last: netip.MustParseAddr("10.66.255.255")}
	offered := 0
	for n := range probeMost + 10 {
		if b.ask(discover(inventory.MAC{0x52, 0x54, 0, 0x99, byte(n >> 8), byte(n)})) != nil {
			offered++
		}
	}
	if offered != 10 || len(f.asked) != probeMost || len(b.probes.queue) != probeMost {
		t.Errorf("%d offered at once, %d asked about, %d wait", offered, len(f.asked), len(b.probes.queue))
	}
	expire()
	f.fail = errors.New("no socket")
	if b.ask(discover(inventory.MAC{0x52, 0x54, 0, 0x99, 0xff, 1})) == nil {
		t.Error("nothing could be asked, and the offer waits")
	}
	if len(b.probes.byAddr)+len(b.probes.byMAC) != 0 {
		t.Error("a probe that wasn't sent is waited for")
	}
}

// TestClockBack checks that a clock that is set back delays no offer.
func TestClockBack(t *testing.T) {
	b, _, _, _ := probing(t)
	b.ask(discover(stranger))
	if done, _ := b.probes.expire(b.now.Add(-3600e9)); len(done) != 1 {
		t.Errorf("%d are over", len(done))
	}
}

// TestARPFrames checks the frames that are sent and read, byte by byte.
func TestARPFrames(t *testing.T) {
	got := fmt.Sprintf("% x", arpProbe(web1, netip.MustParseAddr("10.77.0.200")))
	// RFC 826, and RFC 5227 section 2.1.1: sender's IP address and target's hardware
	// address are zero.
	want := "ff ff ff ff ff ff 52 54 00 77 00 01 08 06 00 01 08 00 06 04 00 01 52 54 00 77 00 01 00 00 00 00 00 00 00 00 00 00 0a 4d 00 c8"
	if got != want {
		t.Errorf("probe\n%s, want\n%s", got, want)
	}
	frame := func(change func([]byte)) []byte {
		f := arpProbe(squatter, netip.MustParseAddr("10.77.0.1"))
		copy(f[etherLen+14:], []byte{10, 77, 0, 200})
		f[etherLen+7] = 2
		change(f)
		return f
	}
	for name, tc := range map[string]struct {
		frame []byte
		ok    bool
	}{
		"reply":          {frame(func([]byte) {}), true},
		"padded":         {append(frame(func([]byte) {}), make([]byte, 18)...), true},
		"request":        {frame(func(f []byte) { f[etherLen+7] = 1 }), true},
		"probe":          {arpProbe(squatter, netip.MustParseAddr("10.77.0.200")), false},
		"reverse ARP":    {frame(func(f []byte) { f[etherLen+7] = 3 }), false},
		"another type":   {frame(func(f []byte) { f[13] = 0 }), false},
		"not Ethernet":   {frame(func(f []byte) { f[etherLen+1] = 6 }), false},
		"not IPv4":       {frame(func(f []byte) { f[etherLen+3] = 1 }), false},
		"address length": {frame(func(f []byte) { f[etherLen+4] = 8 }), false},
		"cut":            {frame(func([]byte) {})[:etherLen+arpLen-1], false},
		"empty":          {nil, false},
	} {
		addr, mac, ok := arpSender(tc.frame)
		if ok != tc.ok || ok && (addr.String() != "10.77.0.200" || mac != squatter) {
			t.Errorf("%s: %s has %s, %v", name, mac, addr, ok)
		}
	}
}
