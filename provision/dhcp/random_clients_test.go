package dhcp

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/store"
)

// A memory is a store in memory whose disk is full now and then.
type memory struct {
	store.Store
	records map[string][]byte
	full    func() bool
}

func (m *memory) Get(_ context.Context, key string) (store.Record, error) {
	v, ok := m.records[key]
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return store.Record{Key: key, Value: v}, nil
}

func (m *memory) List(context.Context, string) (all []store.Record, _ uint64, _ error) {
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		all = append(all, store.Record{Key: key, Value: m.records[key]})
	}
	return all, 0, nil
}

func (m *memory) Txn(_ context.Context, _ []store.Cond, ops ...store.Op) (uint64, error) {
	if m.full() {
		return 0, errors.New("disk full")
	}
	for _, op := range ops {
		if m.records[op.Key] = op.Value; op.Delete {
			delete(m.records, op.Key)
		}
	}
	return 1, nil
}

// A holder is the client that was acknowledged an address, and the end of that lease.
type holder struct {
	mac   inventory.MAC
	until time.Time
}

// randomClients are boxes that send any messages in any order, and the results that the
// server sent them. There may be two servers, for two links, that share a store.
type randomClients struct {
	*testServer
	second *testServer // on the link of the other network; nil: that network is behind a relay
	t      *testing.T
	rand   *rand.Rand
	disk   *memory
	macs   []inventory.MAC
	holds  map[string]holder
	offers map[inventory.MAC]string
	did    []string
}

// nets are the relays of the networks; "" is our own link.
var nets = []string{"", "10.78.0.1"}

func newRandomClients(t *testing.T, seed uint64, links int) *randomClients {
	w := &randomClients{t: t, rand: rand.New(rand.NewPCG(seed, 0)), holds: map[string]holder{}, offers: map[inventory.MAC]string{}}
	w.testServer = newTestServer(t)
	w.disk = &memory{records: map[string][]byte{}, full: func() bool { return w.rand.IntN(20) == 0 }}
	farRange(w.testServer)
	if links == 2 {
		w.second = newTestServer(t)
		farRange(w.second)
	}
	w.restart()
	w.macs = []inventory.MAC{web1, away}
	for n := range byte(7) {
		w.macs = append(w.macs, inventory.MAC{0x52, 0x54, 0, 0x99, 4, n})
	}
	return w
}

func (w *randomClients) restart() {
	w.start(w.disk)
	if w.second != nil {
		w.second.now = w.now
		w.second.start(w.disk)
		w.second.ServerAddr = netip.MustParseAddr("10.78.0.1")
	}
}

// address is an address that a client may name: its own, another client's, or any.
func (w *randomClients) address(mac inventory.MAC) string {
	var mine, all []string
	for _, a := range slices.Sorted(maps.Keys(w.holds)) { // sorted, so that a seed always gives the same run
		if all = append(all, a); w.holds[a].mac == mac {
			mine = append(mine, a)
		}
	}
	switch n := w.rand.IntN(10); {
	case n < 5 && len(mine) > 0:
		return mine[0]
	case n < 7 && len(all) > 0:
		return all[w.rand.IntN(len(all))]
	}
	return []string{"10.77.0.200", "10.77.0.203", "10.78.0.200", "10.77.0.130", "10.77.0.1", "192.0.2.1"}[w.rand.IntN(6)]
}

// step lets one box send one message.
func (w *randomClients) step() {
	mac := w.macs[w.rand.IntN(len(w.macs))]
	relay := nets[w.rand.IntN(len(nets))]
	var via []option
	at := w.testServer
	switch {
	case relay != "" && w.second != nil:
		at = w.second
	case relay != "":
		via = append(via, relayed(relay))
	}
	us := server(at.ServerAddr.String())
	addr := w.address(mac)
	var m *dhcpv4.DHCPv4
	switch w.rand.IntN(10) {
	case 0, 1:
		m = discover(mac, via...)
	case 2, 3:
		if w.offers[mac] == "" {
			return
		}
		m = requestMessage(mac, append(via, us, requested(w.offers[mac]))...)
	case 4:
		m = requestMessage(mac, append(via, requested(addr))...)
	case 5, 6:
		m = requestMessage(mac, append(via, ciaddr(addr))...)
	case 7:
		m = message(mac, dhcpv4.MessageTypeRelease, append(via, ciaddr(addr), us)...)
	case 8:
		m = message(mac, dhcpv4.MessageTypeDecline, append(via, requested(addr), us)...)
	case 9:
		w.now = w.now.Add(time.Duration(w.rand.IntN(1200)) * time.Second)
		if w.second != nil {
			w.second.now = w.now
		}
		if w.rand.IntN(8) == 0 {
			w.did = append(w.did, "restart")
			w.restart()
			w.durable(w.testServer)
			if w.second != nil {
				w.durable(w.second)
			}
		}
		return
	}
	before := len(w.disk.records)
	r := at.ask(m)
	did := mac.String() + " " + m.MessageType().String() + " " + relay + " named " + addrOf(m.ClientIPAddr).String() + " " + requestedAddr(m).String()
	if r != nil {
		did += ": " + r.MessageType().String() + " " + r.YourIPAddr.String()
	}
	if w.did = append(w.did, did); len(w.did) > 40 {
		w.did = w.did[1:]
	}
	if before == 0 && r != nil && r.MessageType() == ack && len(w.disk.records) == 0 {
		w.fail("acknowledged, and nothing is on disk")
	}
	w.check(mac, m, r)
}

// check records the effect of a reply on its client, and compares it with the leases of all
// others.
func (w *randomClients) check(mac inventory.MAC, m, r *dhcpv4.DHCPv4) {
	leave := func(but string) {
		for a, h := range w.holds {
			if h.mac == mac && a != but {
				delete(w.holds, a)
			}
		}
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeDecline:
		leave("") // whichever address it named, it uses none now
		return
	}
	if r == nil {
		return
	}
	got := r.YourIPAddr.String()
	switch r.MessageType() {
	case offer:
		w.offers[mac] = got
		leave(got) // it asks in another network now
	case nak:
		leave("")
	case ack:
		if h, taken := w.holds[got]; taken && h.mac != mac && h.until.After(w.now) {
			w.fail(got + " was given to two boxes: " + h.mac.String() + " still has it")
		}
		leave(got)
		w.holds[got] = holder{mac, w.now.Add(time.Hour)}
		if l := w.record(mac); l == nil || l.Address != got || l.Expires.Before(w.now.Add(time.Hour)) {
			w.fail("acknowledged " + got + ", and on disk is " + strings.TrimSpace(string(w.disk.records[LeasePrefix+mac.String()])))
		}
	}
}

func (w *randomClients) record(mac inventory.MAC) *provision.Lease {
	var l provision.Lease
	if json.Unmarshal(w.disk.records[LeasePrefix+mac.String()], &l) != nil {
		return nil
	}
	return &l
}

// durable compares the table, which was just read from the disk, with the leases of all
// clients.
func (w *randomClients) durable(b *testServer) {
	for a, h := range w.holds {
		if !h.until.After(w.now) {
			continue
		}
		if s := b.table.byMAC[h.mac]; s.addr.String() != a || s.until.Before(h.until) {
			w.fail("after a restart " + h.mac.String() + " no longer has " + a + ", but " + s.addr.String())
		}
	}
}

func (w *randomClients) fail(why string) {
	w.t.Helper()
	w.t.Fatalf("%s; before:\n%s", why, strings.Join(w.did, "\n"))
}

// TestNeverTwice checks clients that send any messages in any order, with a disk that is
// full at times and restarts in between. No address is acknowledged to two boxes at a time,
// and acknowledged leases survive restarts.
func TestNeverTwice(t *testing.T) {
	for seed := range uint64(40) {
		w := newRandomClients(t, seed, 1+int(seed%2))
		for range 1500 {
			w.step()
			w.kinds()
			if w.second != nil {
				w.second.kinds()
			}
		}
		if records, most := len(w.disk.records), 2+4+2; records > most {
			w.fail("more records than addresses")
		}
		for a, h := range w.holds {
			if addr := netip.MustParseAddr(a); w.snap.HostByMAC(h.mac) != nil && w.snap.HostByMAC(h.mac).Address != addr {
				w.fail("a host was given " + a)
			}
		}
	}
}
