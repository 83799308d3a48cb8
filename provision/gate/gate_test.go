package gate

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/doctor"
	"rackhand/provision/journal"
	"rackhand/provision/links"
	"rackhand/provision/store"
)

// A testGate is a gate with a clock, an inventory and neighbours of the test.
type testGate struct {
	*Gate
	t       *testing.T
	journal *journal.Journal
	holder  *inventory.Holder
	now     time.Time
	up      bool
	answers []doctor.Answerer
	err     error
	gone    bool // there is no such interface
}

func newTestGate(t *testing.T) *testGate {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := &testGate{t: t, now: time.Unix(1_800_000_000, 0), up: true, holder: &inventory.Holder{}}
	clock := func() time.Time { return b.now }
	log := slog.New(slog.DiscardHandler)
	b.journal, err = journal.Open(t.Context(), st, clock, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.journal.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	b.Gate = New(Options{
		Links: []links.Link{{Name: "eth1", Addr: addr("10.77.0.1")}}, Own: []netip.Addr{addr("10.77.0.1")},
		Snapshot: b.holder.Current, Record: b.journal, Clock: clock, Log: log,
	})
	b.carrier = func(string) bool { return b.up }
	b.exists = func(string) bool { return !b.gone }
	b.declare(inventory.Network{})
	return b
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// declare puts an inventory in force in which the network has these settings.
func (b *testGate) declare(n inventory.Network) *inventory.Network {
	n.Name, n.Subnet = "rack1", netip.MustParsePrefix("10.77.0.0/24")
	b.holder.Put(&inventory.Snapshot{Networks: map[string]*inventory.Network{"rack1": &n}}, nil)
	return &n
}

// step lets time pass, and runs a check if one is due. It returns whether one ran.
func (b *testGate) step(d time.Duration) bool {
	b.now = b.now.Add(d)
	looks := b.due()
	for _, l := range looks {
		b.saw(l.Name, slices.Clone(b.answers), b.err)
	}
	return len(looks) > 0
}

// events are those that the gate recorded.
func (b *testGate) events() []string {
	b.t.Helper()
	all, err := b.journal.Events(b.t.Context(), "", 100)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		out = append(out, strings.TrimSpace(e.Kind+" "+e.Level))
	}
	return out
}

// is compares the gate's state with the expected one; "" for a gate that is open.
func (b *testGate) is(step, may, problem string, events ...string) {
	b.t.Helper()
	n := b.holder.Current().Networks["rack1"]
	err := b.MayServe("eth1", n)
	if may == "" && err != nil || may != "" && (err == nil || !strings.Contains(err.Error(), may)) {
		b.t.Errorf("%s: may serve: %v, want %q", step, err, may)
	}
	ps := strings.Join(b.Problems(), "")
	if problem == "" && ps != "" || !strings.Contains(ps, problem) {
		b.t.Errorf("%s: problems %q, want %q", step, ps, problem)
	}
	if got := b.events(); !slices.Equal(got, events) {
		b.t.Errorf("%s: events %q, want %q", step, got, events)
	}
}

var (
	nextDoor  = doctor.Answerer{Kind: doctor.Server, Server: addr("10.77.0.2"), Source: addr("10.77.0.2"), Offers: addr("10.77.0.50")}
	pxe       = doctor.Answerer{Kind: doctor.PXE, Server: addr("10.77.0.3"), Source: addr("10.77.0.3")}
	ourselves = doctor.Answerer{Kind: doctor.BootServer, Server: addr("10.77.0.1"), Source: addr("10.77.0.1"), Offers: addr("10.77.0.51")}
)

// TestGateRefuses checks that no box is served before the first check nor beside another
// server. Once that server is gone, boxes are served, and an event says so.
func TestGateRefuses(t *testing.T) {
	b := newTestGate(t)
	b.is("at first", "has not been looked at yet", "")
	b.answers = []doctor.Answerer{nextDoor}
	if !b.step(0) {
		t.Error("no check at once")
	}
	const refusal = "other-dhcp " + provision.LevelError
	b.is("a neighbour", "another DHCP server answers on eth1: 10.77.0.2", "so rackhand gives no addresses on network rack1", refusal)
	if b.step(30 * time.Second) {
		t.Error("another check within a minute")
	}
	b.answers[0].Offers = addr("10.77.0.52")
	if !b.step(30 * time.Second) {
		t.Error("no other check after a minute")
	}
	b.is("the same neighbour", "another DHCP server", "hint: switch it off", refusal)
	b.answers = nil
	b.holder.Put(&inventory.Snapshot{Revision: "2", Networks: b.holder.Current().Networks}, nil)
	if !b.step(time.Second) {
		t.Error("an edit of the inventory causes no check while no box is served")
	}
	b.is("alone", "", "", refusal, "dhcp-clear")
	b.holder.Put(&inventory.Snapshot{Revision: "3", Networks: b.holder.Current().Networks}, nil)
	if b.step(time.Second) {
		t.Error("every edit causes a check, though there is no problem")
	}
}

// TestGateStaysOpen checks that a server that appears later is shown, and that boxes under
// way are not dropped.
func TestGateStaysOpen(t *testing.T) {
	b := newTestGate(t)
	b.answers = []doctor.Answerer{ourselves}
	b.step(0)
	b.is("ourselves alone", "", "")
	b.answers = append(b.answers, nextDoor)
	if b.step(9 * time.Minute) {
		t.Error("another check within ten minutes")
	}
	b.step(time.Minute)
	b.is("a rogue", "", "turned up beside rackhand", "other-dhcp error")
	b.answers = nil
	b.step(10 * time.Minute)
	b.is("it has gone", "", "", "other-dhcp error", "dhcp-clear")
}

// TestGateAllowed checks that the operator's setting opens the gate before any check, and
// that a warning stays.
func TestGateAllowed(t *testing.T) {
	b := newTestGate(t)
	b.answers = []doctor.Answerer{nextDoor}
	b.declare(inventory.Network{AllowOtherDHCP: true})
	b.is("not looked yet", "", "")
	b.step(0)
	b.is("allowed", "", "which allow_other_dhcp allows", "other-dhcp warn")
	b.declare(inventory.Network{})
	if !b.step(time.Second) {
		t.Error("a change of the inventory causes no check")
	}
	b.is("no longer", "another DHCP server", "gives no addresses", "other-dhcp warn", "other-dhcp error")
}

// TestGatePXE checks that a second PXE answerer causes a warning only.
func TestGatePXE(t *testing.T) {
	b := newTestGate(t)
	b.answers = []doctor.Answerer{pxe}
	b.step(0)
	b.is("PXE", "", "another PXE answerer: 10.77.0.3", "other-dhcp warn")
}

// TestGateProxy checks that a proxy needs a server beside it. A clear link of a proxy isn't
// open once the network becomes authoritative.
func TestGateProxy(t *testing.T) {
	b := newTestGate(t)
	b.declare(inventory.Network{DHCP: inventory.DHCPProxy})
	b.step(0)
	if got := strings.Join(b.Problems(), ""); !strings.Contains(got, "no server assigns addresses") {
		t.Errorf("problems: %q", got)
	}
	b.answers = []doctor.Answerer{nextDoor}
	b.step(time.Minute)
	if got := b.Problems(); len(got) > 0 {
		t.Errorf("problems: %q", got)
	}
	b.declare(inventory.Network{})
	b.step(time.Second)
	b.is("authoritative now", "another DHCP server", "gives no addresses", "other-dhcp warn", "dhcp-clear", "other-dhcp error")
	b.declare(inventory.Network{DHCP: inventory.DHCPOff})
	if b.step(time.Hour) || len(b.Problems()) > 0 {
		t.Error("a network that is off is checked")
	}
}

// TestGateBlind checks that a link that can't be checked is not served, unless it was clear
// before or the operator allows it.
func TestGateBlind(t *testing.T) {
	b := newTestGate(t)
	b.err = errors.New("open a raw socket: operation not permitted")
	b.step(0)
	b.is("blind", "operation not permitted", "the search for other DHCP servers failed", "other-dhcp error")
	b.declare(inventory.Network{AllowOtherDHCP: true})
	b.step(time.Second)
	b.is("allowed", "", "the search for other DHCP servers failed", "other-dhcp error", "other-dhcp warn")

	b = newTestGate(t)
	b.step(0)
	b.err = errors.New("no memory")
	b.step(10 * time.Minute)
	b.is("was clear", "", "the search for other DHCP servers failed", "other-dhcp warn")
}

// TestGateCarrier checks that a link without carrier is checked as soon as it has one.
func TestGateCarrier(t *testing.T) {
	b := newTestGate(t)
	b.up = false
	if b.step(time.Hour) {
		t.Error("a link without carrier is checked")
	}
	b.is("no carrier", "not been looked at", "eth1: no carrier")
	b.up, b.err = true, doctor.ErrNoLink
	b.step(time.Second)
	b.is("went down again", "the search for other DHCP servers on eth1 failed", "")
	b.err = nil
	if !b.step(time.Second) {
		t.Error("it waits although there was no link")
	}
	b.is("carrier", "", "")
}

// TestGateGone checks that an interface that disappears while it is served is shown until
// it is back.
func TestGateGone(t *testing.T) {
	b := newTestGate(t)
	b.step(0)
	b.is("served", "", "")
	b.up, b.gone = false, true
	b.is("gone", "", "eth1: the interface is gone")
	b.up, b.gone = true, false
	b.is("back", "", "")
}

// TestGateElsewhere checks that our address in no network is shown, and that a relayed
// network is served without a check.
func TestGateElsewhere(t *testing.T) {
	b := newTestGate(t)
	relayed := &inventory.Network{Name: "rack9", Subnet: netip.MustParsePrefix("10.99.0.0/24")}
	if err := b.MayServe("eth1", relayed); err != nil {
		t.Errorf("behind a relay: %v", err)
	}
	b.holder.Put(&inventory.Snapshot{Networks: map[string]*inventory.Network{"rack9": relayed}}, nil)
	if got := strings.Join(b.Problems(), ""); b.step(0) || !strings.Contains(got, "10.77.0.1 lies in no network") {
		t.Errorf("problems: %q", got)
	}
}
