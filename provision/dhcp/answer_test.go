package dhcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/store"
)

// TestOneBoot: the programs of one boot differ in client-id and class, and get one
// address; the journal hears of each, but not of a renewal.
func TestOneBoot(t *testing.T) {
	b := newTestServer(t)
	b.arm("web1")
	if got := b.join(web1, pxe); got != "10.77.0.130" {
		t.Fatalf("firmware got %s", got)
	}
	if got := b.join(web1, ipxe, raw(61, "\x01RTwww1")); got != "10.77.0.130" {
		t.Fatalf("iPXE got %s", got)
	}
	if got := b.join(web1, raw(60, "d-i"), raw(61, "\xffsomething else")); got != "10.77.0.130" {
		t.Fatalf("the installer got %s", got)
	}
	if got := b.join(web1, raw(12, "web1")); got != "10.77.0.130" {
		t.Fatalf("the system got %s", got)
	}
	b.wantKinds("web1 ack addressed", "web1 ack addressed", "web1 ack", "web1 ack")
	since := b.lease(web1).Since
	b.now = b.now.Add(30 * time.Minute)
	if b.ask(requestMessage(web1, ciaddr("10.77.0.130"))) == nil {
		t.Fatal("renewal")
	}
	b.wantKinds()
	l := b.lease(web1)
	if !l.Since.Equal(since) || !l.Expires.Equal(b.now.Add(time.Hour)) || l.Host != "web1" {
		t.Errorf("after the renewal: %+v", l)
	}
}

// TestUnclaimed: a stable address, nothing to boot, one event a minute.
func TestUnclaimed(t *testing.T) {
	b := newTestServer(t)
	first := b.join(stranger, pxe)
	b.wantKinds(stranger.String() + " unclaimed")
	r := b.ask(discover(stranger, pxe))
	if r.BootFileName != "" || r.Options.Has(dhcpv4.OptionBootfileName) || !r.ServerIPAddr.IsUnspecified() {
		t.Errorf("an unclaimed box got something to boot: %s", r.Summary())
	}
	b.wantKinds()
	b.now = b.now.Add(48 * time.Hour)
	if again := b.join(stranger); again != first {
		t.Errorf("after its lease ran out: %s, before %s", again, first)
	}
	e := b.events[0]
	if e.Fields["address"] != first || e.Fields["mac"] != stranger.String() {
		t.Errorf("event %+v", e)
	}
}

// TestNoRangeIsTold: where there are no addresses for unclaimed boxes, that is said.
func TestNoRangeIsTold(t *testing.T) {
	b := newTestServer(t)
	if r := b.ask(discover(stranger, pxe, relayed("10.78.0.1"))); r != nil {
		t.Fatalf("got %s", r.YourIPAddr)
	}
	if e := b.events[0]; e.Kind != "unclaimed" || e.Level != provision.LevelWarn || !strings.Contains(e.Message, "network rack2 has no `leases`") {
		t.Errorf("event %+v", e)
	}
}

// TestMakerIsTold: what an unclaimed box says of itself stands in its event.
func TestMakerIsTold(t *testing.T) {
	b := newTestServer(t)
	b.ask(discover(stranger, pxe, raw(12, "evil\x1b[2Jname"), raw(97, "\x00\x44\x45\x4c\x4c\x00\x01\x02\x03\x80\x04\x05\x06\x07\x08\x09\x0a")))
	want := "x64 UEFI, PXEClient:Arch:00007:UNDI:003001, calls itself evil?[2Jname, UUID 4c4c4544-0100-0302-8004-05060708090a"
	if got := b.events[0].Fields["maker"]; got != want {
		t.Errorf("maker %q, want %q", got, want)
	}
}

// TestExhausted: offers are held, an event tells when the range is full, and an
// address that ran out goes to who needs it, with its record.
func TestExhausted(t *testing.T) {
	b := newTestServer(t)
	box := func(n byte) inventory.MAC { return inventory.MAC{0x52, 0x54, 0, 0x99, 1, n} }
	got := map[string]bool{}
	for n := range byte(4) {
		got[b.ask(discover(box(n))).YourIPAddr.String()] = true
	}
	if len(got) != 4 {
		t.Fatalf("four boxes were offered %v", got)
	}
	if r := b.ask(discover(box(4))); r != nil {
		t.Fatalf("a fifth one was offered %s", r.YourIPAddr)
	}
	for range 3 {
		b.ask(discover(box(4)))
	}
	kinds := b.kinds()
	if n := strings.Count(strings.Join(kinds, ","), "exhausted"); n != 1 {
		t.Errorf("events %q", kinds)
	}
	b.now = b.now.Add(2 * offerHold) // nobody took the offers
	for n := byte(4); n < 8; n++ {
		b.join(box(n))
	}
	b.now = b.now.Add(time.Minute)
	b.join(box(5)) // renewed: the others run out before it
	b.now = b.now.Add(time.Hour)
	taken := b.join(box(9))
	gone := 0
	for n := byte(4); n < 8; n++ {
		l := b.lease(box(n))
		if l == nil {
			gone++
		} else if l.Address == taken {
			t.Errorf("two records for %s", taken)
		}
	}
	if gone != 1 || b.lease(box(5)) == nil {
		t.Errorf("%d records gave way, that of the renewed box: %v", gone, b.lease(box(5)))
	}
}

// TestClaimed: a box that is claimed while it holds an address of the range is
// refused that one and gets its own.
func TestClaimed(t *testing.T) {
	b := newTestServer(t)
	before := b.join(stranger)
	b.kinds()
	b.snap = snapshot()
	b.snap.Hosts["new"] = &inventory.Host{Name: "new", MACs: []inventory.MAC{stranger}, Address: serverAddr.Next().Next().Next()}
	if r := b.ask(requestMessage(stranger, ciaddr(before))); r.MessageType() != nak {
		t.Fatalf("the old address: %s", r.MessageType())
	}
	if got := b.join(stranger); got != "10.77.0.4" {
		t.Fatalf("got %s", got)
	}
	b.wantKinds("new nak", "new ack")
	if l := b.lease(stranger); l.Address != "10.77.0.4" || l.Host != "new" {
		t.Errorf("lease %+v", l)
	}
}

// TestRestart: what was acknowledged is known after a restart, an offer isn't; a
// record that can't be read costs nobody else theirs.
func TestRestart(t *testing.T) {
	b := newTestServer(t)
	first := b.join(stranger)
	for key, value := range map[string]string{
		"52:54:00:99:00:aa": "not JSON", "52:54:00:99:00:ab": `{"mac":"x"}`,
		"52:54:00:99:00:ac": `{"mac":"52:54:00:99:00:ac","address":"fe80::1"}`,
		// Lost a race for the address, and was about to be deleted.
		"52:54:00:99:00:ad": fmt.Sprintf(`{"mac":"52:54:00:99:00:ad","address":%q,"expires":"2020-01-01T00:00:00Z"}`, first),
	} {
		if _, err := b.Store.Txn(context.Background(), nil, store.Op{Key: LeasePrefix + key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	b.start(b.Store)
	if got := b.ask(requestMessage(stranger, ciaddr(first))); got == nil || got.MessageType() != ack {
		t.Fatalf("renewal after a restart: %v", got)
	}
	other := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 2}
	if r := b.ask(requestMessage(other, requested(first))); r.MessageType() != nak {
		t.Errorf("another one got a leased address: %s", r.MessageType())
	}
}

// TestLeaseBeforeAck: no acknowledgement without a lease on disk.
func TestLeaseBeforeAck(t *testing.T) {
	b := newTestServer(t)
	b.start(broken{b.Store})
	if b.ask(discover(web1)) == nil {
		t.Fatal("an offer needs no disk")
	}
	if r := b.ask(requestMessage(web1, requested("10.77.0.130"))); r != nil {
		t.Errorf("acknowledged without a lease: %s", r.Summary())
	}
	b.wantKinds()
}

type broken struct{ store.Store }

func (broken) Txn(context.Context, []store.Cond, ...store.Op) (uint64, error) {
	return 0, errors.New("disk full")
}

// TestSecondCard: the second card of a host doesn't get the address that the
// first one is using, nor anything to boot; when the first one is silent, it does.
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

// TestClaimOf: which card of a host may have its address.
func TestClaimOf(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	lease := &provision.Lease{}
	offered := slot{until: now.Add(time.Minute)}
	held := slot{until: now.Add(time.Hour), lease: lease, acked: now.Add(-time.Minute)}
	fresh := slot{until: now.Add(time.Hour), lease: lease, acked: now.Add(-time.Second)}
	ended := slot{until: now, lease: lease}
	found := func(by inventory.MAC, ago time.Duration) sighting { return sighting{by, now.Add(-ago)} }
	nobody := inventory.MAC{}
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
		{"nobody answers", true, true, held, found(nobody, time.Second), claimGranted},
		{"nobody answers, to a further card", false, true, held, found(nobody, time.Second), claimGranted},
		{"the one who asks answers", true, true, held, found(web2, time.Second), claimGranted},
		{"nobody answered long ago", true, true, held, found(nobody, sightedFor), claimUnknown},
		{"the other card answered long ago", true, true, held, found(web2nic2, sightedFor), claimUnknown},
		{"seen before the clock was set back", true, true, held, found(nobody, -time.Hour), claimUnknown},
	} {
		if got := claimOf(tc.first, tc.guarded, web2nic2, tc.before, tc.seen, now); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// TestForgedCard: while a host that boots by its second card is being installed, nothing
// that is sent in its first card's name takes its address, its lease or its boot program.
func TestForgedCard(t *testing.T) {
	b, f, sent, quiet := probing(t)
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
	b.ask(discover(web2, pxe)) // an offer that nobody took
	for _, client := range []option{pxe, ipxe} {
		if got := b.join(web2nic2, client); got != "10.77.0.131" {
			t.Fatalf("the box got %s", got)
		}
		forge()
		quiet() // the look of before the offer
		b.now = b.now.Add(settling)
		f.asked = nil
		forge()
		if len(f.asked) != 1 || f.asked[0] != "arp 10.77.0.131" {
			t.Fatalf("asked %q", f.asked)
		}
		b.answers("10.77.0.131", web2nic2, sent)
		forge()
		quiet()
		b.now = b.now.Add(sightedFor)
	}
	if kinds := b.kinds(); !slices.Contains(kinds, "web2 address-claimed") {
		t.Errorf("events %q", kinds)
	}
	if r := b.ask(requestMessage(web2nic2, ciaddr("10.77.0.131"))); r == nil || r.MessageType() != ack {
		t.Errorf("its renewal: %v", r)
	}
}

// TestOtherCardComes: a box that doesn't answer at its address any more is given it by
// the other card as soon as that asks again, whichever had it; so no forged lease of a card
// that isn't there keeps the real one away. That is also so where nobody can be asked.
func TestOtherCardComes(t *testing.T) {
	for name, who := range map[string][2]inventory.MAC{"by the second card": {web2, web2nic2}, "by the first card": {web2nic2, web2}} {
		for _, fail := range []error{nil, errNoEcho} {
			b, f, _, quiet := probing(t)
			b.arm("web2")
			b.UnderWay = func(host string) bool { return host == "web2" }
			b.join(who[0], pxe)
			quiet()
			b.now = b.now.Add(settling)
			f.fail = fail
			if r := b.ask(discover(who[1], pxe)); r != nil {
				t.Fatalf("%s: answered before anybody was asked: %v", name, r)
			}
			quiet()
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

func TestOurAddress(t *testing.T) {
	b := newTestServer(t)
	b.snap.Hosts["web1"].Address = serverAddr
	b.arm("web1")
	if r := b.ask(discover(web1, pxe)); r != nil {
		t.Errorf("got %s", r.YourIPAddr)
	}
	b.wantKinds("web1 our-address")
}

func TestWrongNetwork(t *testing.T) {
	b := newTestServer(t)
	b.arm("away")
	for range 3 {
		if r := b.ask(discover(away, pxe)); r != nil {
			t.Errorf("got %s", r.YourIPAddr)
		}
	}
	b.wantKinds("away wrong-network")
	if r := b.ask(discover(away, pxe, relayed("10.78.0.1"))); r == nil || r.YourIPAddr.String() != "10.78.0.44" {
		t.Errorf("through the relay of its own network: %v", r)
	}
}

// TestNoDecision: a client that boots asks again rather than going to its disk; a
// system keeps its address.
func TestNoDecision(t *testing.T) {
	b := newTestServer(t)
	b.fail = errors.New("journal is full")
	if r := b.ask(discover(web1, pxe)); r != nil {
		t.Errorf("firmware got %s", r.Summary())
	}
	if got := b.join(web1); got != "10.77.0.130" {
		t.Errorf("the system got %s", got)
	}
	b.snap = nil
	if r := b.ask(discover(web1)); r != nil {
		t.Errorf("without an inventory: %s", r.Summary())
	}
}

// TestArmsAtFirstBoot: only a client that boots is told to arm, and only when it
// can be given an address.
func TestArmsAtFirstBoot(t *testing.T) {
	b := newTestServer(t)
	b.snap.Hosts["web1"].Install = inventory.FirstBoot
	b.snap.Hosts["away"].Install = inventory.FirstBoot
	decide, arms := b.Decide, 0
	b.Decide = func(ctx context.Context, r boot.Request) (boot.Decision, error) {
		d, err := decide(ctx, r)
		if d.Arm {
			arms++
		}
		return d, err
	}
	b.ask(discover(web1))
	b.ask(discover(away, pxe))
	b.ask(discover(stranger, pxe))
	if arms != 0 {
		t.Fatalf("armed %d times", arms)
	}
	r := b.ask(discover(web1, pxe))
	if arms != 1 || r.BootFileName != "snponly.efi" {
		t.Errorf("armed %d times, file %q", arms, r.BootFileName)
	}
}

// TestBadPackets: garbage gets no answer, and one event a minute for each sender.
func TestBadPackets(t *testing.T) {
	b := newTestServer(t)
	good := discover(web1).ToBytes()
	change := func(at int, v byte) []byte {
		p := append([]byte(nil), good...)
		p[at] = v
		return p
	}
	for name, p := range map[string][]byte{
		"empty": {}, "short": good[:100], "no options": good[:240], "cut": good[:242],
		"a reply": change(0, 2), "token ring": change(1, 6), "long address": change(2, 16),
		"no cookie": change(236, 0), "multicast": change(28, 1),
		"more than is read":                    append(append([]byte(nil), good...), make([]byte, maxPacket)...),
		"options that break off before a type": append(append([]byte(nil), good[:optionsAt]...), 60, 200, 'x'),
	} {
		if _, _, ok := b.answer(context.Background(), p); ok {
			t.Errorf("%s was answered", name)
		}
	}
	// As big as they get, and good: answered.
	big := discover(web1)
	for code := uint8(224); code < 240; code++ {
		raw(code, strings.Repeat("x", 234))(big)
	}
	if r := b.ask(big); r == nil || len(big.ToBytes()) < 4000 || len(big.ToBytes()) > maxPacket {
		t.Errorf("%d bytes: %v", len(big.ToBytes()), r)
	}
	n := len(b.kinds())
	if n < 1 || n > 4 { // senders: unknown, web1, web1 with another first byte
		t.Errorf("%d events", n)
	}
	for i := range 1000 {
		p := change(0, 2)
		p[32], p[33] = byte(i>>8), byte(i)
		b.answer(context.Background(), p)
	}
	if n := len(b.kinds()); n > provision.FloodMost {
		t.Errorf("%d events of one flood", n)
	}
	b.now = b.now.Add(reportEvery)
	b.answer(context.Background(), change(0, 2))
	b.wantKinds(" bad-packet")
}

// TestPanicCostsOnePacket: serve survives whatever answering does.
func TestPanicCostsOnePacket(t *testing.T) {
	b := newTestServer(t)
	b.ScriptURL = nil
	b.arm("web1")
	b.tryAnswer(context.Background(), datagram{payload: discover(web1, ipxe).ToBytes()})
	b.wantKinds(" bad-packet")
}

var _ provision.Recorder = (*testServer)(nil)
