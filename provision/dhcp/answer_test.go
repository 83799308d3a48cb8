package dhcp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/store"
)

// TestOneBoot checks that the programs of one boot get one address, though their client-ids
// and classes differ. Each of them is an event, a renewal isn't.
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

// TestUnclaimed checks that an unclaimed box gets a stable address, nothing to boot, and
// one event a minute.
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

// TestMissingRangeReported checks the event of an unclaimed box on a network without a
// range.
func TestMissingRangeReported(t *testing.T) {
	b := newTestServer(t)
	if r := b.ask(discover(stranger, pxe, relayed("10.78.0.1"))); r != nil {
		t.Fatalf("got %s", r.YourIPAddr)
	}
	if e := b.events[0]; e.Kind != "unclaimed" || e.Level != provision.LevelWarn || !strings.Contains(e.Message, "network rack2 has no `leases`") {
		t.Errorf("event %+v", e)
	}
}

// TestMakerReported checks that the event of an unclaimed box describes it.
func TestMakerReported(t *testing.T) {
	b := newTestServer(t)
	b.ask(discover(stranger, pxe, raw(12, "evil\x1b[2Jname"), raw(97, "\x00\x44\x45\x4c\x4c\x00\x01\x02\x03\x80\x04\x05\x06\x07\x08\x09\x0a")))
	want := "x64 UEFI, PXEClient:Arch:00007:UNDI:003001, calls itself evil?[2Jname, UUID 4c4c4544-0100-0302-8004-05060708090a"
	if got := b.events[0].Fields["maker"]; got != want {
		t.Errorf("maker %q, want %q", got, want)
	}
}

// TestRestart checks that acknowledged leases survive a restart, and that offers don't. A
// record that can't be read affects no other lease.
func TestRestart(t *testing.T) {
	b := newTestServer(t)
	first := b.join(stranger)
	for key, value := range map[string]string{
		"52:54:00:99:00:aa": "not JSON", "52:54:00:99:00:ab": `{"mac":"x"}`,
		"52:54:00:99:00:ac": `{"mac":"52:54:00:99:00:ac","address":"fe80::1"}`,
		// It lost a race for the address, and was about to be deleted.
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

// TestLeaseBeforeAck checks that no ACK is sent without a lease on disk.
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

// TestNoDecision checks that a client that boots gets no answer without a decision, so that
// it asks again rather than booting its disk. A system keeps its address.
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

// TestArmsAtFirstBoot checks that only a client that boots arms an install, and only when
// there is an address for it.
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

var _ provision.Recorder = (*testServer)(nil)
