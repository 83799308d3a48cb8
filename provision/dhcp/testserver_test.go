package dhcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/store"
)

var (
	serverAddr = netip.MustParseAddr("10.77.0.1")
	web1       = inventory.MAC{0x52, 0x54, 0, 0x77, 0, 1}
	web2       = inventory.MAC{0x52, 0x54, 0, 0x77, 0, 2}
	web2nic2   = inventory.MAC{0x52, 0x54, 0, 0x77, 0, 0x22}
	away       = inventory.MAC{0x52, 0x54, 0, 0x77, 0, 0x44} // its address is in the other network
	stranger   = inventory.MAC{0x52, 0x54, 0, 0x99, 0, 1}
)

// A testServer is a server without a network: packets go in and out of answer.
type testServer struct {
	*Server
	t      testing.TB
	mu     sync.Mutex
	disk   sync.Mutex // of commit
	now    time.Time
	snap   *inventory.Snapshot
	armed  map[string]*provision.Install
	fail   error // of Decide
	events []provision.Event
	path   string
}

func snapshot() *inventory.Snapshot {
	addr := netip.MustParseAddr
	rack := &inventory.Network{
		Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24"), Gateway: addr("10.77.0.254"),
		DNS: []netip.Addr{addr("10.77.0.1")}, NTP: []netip.Addr{addr("10.77.0.2")}, Domain: "rack.example",
		Leases: inventory.Range{First: addr("10.77.0.200"), Last: addr("10.77.0.203")},
	}
	other := &inventory.Network{Name: "rack2", Subnet: netip.MustParsePrefix("10.78.0.0/24")}
	debian := &inventory.System{Name: "debian12"}
	s := &inventory.Snapshot{
		Networks: map[string]*inventory.Network{"rack1": rack, "rack2": other},
		Hosts:    map[string]*inventory.Host{},
	}
	add := func(name, address string, n *inventory.Network, macs ...inventory.MAC) {
		s.Hosts[name] = &inventory.Host{Name: name, MACs: macs, Address: addr(address), Network: n, System: debian, Install: inventory.OnRequest}
	}
	add("web1", "10.77.0.130", rack, web1)
	add("web2", "10.77.0.131", rack, web2, web2nic2)
	add("web3", "10.77.0.133", rack, inventory.MAC{0x52, 0x54, 0, 0x77, 0, 3})
	add("web5", "10.77.0.135", rack, inventory.MAC{0x52, 0x54, 0, 0x77, 0, 5})
	add("web6", "10.77.0.136", rack, inventory.MAC{0x52, 0x54, 0, 0x77, 0, 6})
	add("away", "10.78.0.44", other, away)
	return s
}

func newTestServer(t testing.TB) *testServer {
	t.Helper()
	b := &testServer{
		t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), snap: snapshot(),
		armed: map[string]*provision.Install{}, path: filepath.Join(t.TempDir(), "test.db"),
	}
	s, err := store.OpenBolt(b.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b.start(s)
	return b
}

// start makes a server on a store, as after a restart.
func (b *testServer) start(s store.Store) {
	b.Server = New(Options{
		Interface: "eth0", ServerAddr: serverAddr, Store: s, Record: b,
		Decide: func(_ context.Context, r boot.Request) (boot.Decision, error) {
			var in *provision.Install
			if h := b.snap.HostByMAC(r.MAC); h != nil {
				in = b.armed[h.Name]
			}
			return boot.Decide(b.snap, in, b.now, r), b.fail
		},
		Snapshot:      func() *inventory.Snapshot { return b.snap },
		ScriptURL:     func(m inventory.MAC) string { return "http://10.77.0.1/boot/ipxe?mac=" + m.String() },
		TFTPScriptURL: func(m inventory.MAC) string { return "tftp://10.77.0.1/ipxe/" + m.String() },
		FileURL:       func(p string) string { return "http://10.77.0.1/boot/file/" + p },
		Clock:         func() time.Time { return b.now },
	})
	if err := b.load(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *testServer) Record(e provision.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	return nil
}

// kinds lists the events since the last call, without those that say that firmware begins to
// ask: boot_events_test.go checks them.
func (b *testServer) kinds() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var kinds []string
	for _, e := range b.events {
		if e.Kind == "discover" {
			continue
		}
		k := e.Host + " " + e.Kind
		if e.Stage != "" {
			k += " " + string(e.Stage)
		}
		kinds = append(kinds, k)
	}
	b.events = nil
	return kinds
}

func (b *testServer) wantKinds(want ...string) {
	b.t.Helper()
	if got := b.kinds(); !slices.Equal(got, want) {
		b.t.Errorf("events %q, want %q", got, want)
	}
}

func (b *testServer) arm(host string) {
	b.armed[host] = &provision.Install{
		ID: "i1", Host: host, Armed: true, Stage: provision.Requested, Expires: b.now.Add(time.Hour),
		Budget: provision.Budget{Attempts: 3},
	}
}

// answer takes a packet without a source address, and returns the reply that may be sent:
// its lease is on disk then.
func (b *testServer) answer(ctx context.Context, packet []byte) ([]byte, destination, bool) {
	return b.take(ctx, datagram{payload: packet})
}

func (b *testServer) take(ctx context.Context, d datagram) (reply []byte, to destination, ok bool) {
	o := b.Server.answer(ctx, d)
	if w := o.write; w != nil {
		b.disk.Lock()
		for more := true; more; {
			_, more = b.commit(ctx)
		}
		b.disk.Unlock()
		<-w.done
		if w.err == nil {
			o.reply, o.to = w.reply, w.to
		}
	}
	return o.reply, o.to, o.reply != nil
}

// ask sends a packet and returns the reply; nil for none.
func (b *testServer) ask(p *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	b.t.Helper()
	raw, _, ok := b.answer(context.Background(), p.ToBytes())
	if !ok {
		return nil
	}
	r, err := dhcpv4.FromBytes(raw)
	if err != nil {
		b.t.Fatalf("the reply can't be read: %v", err)
	}
	if r.TransactionID != p.TransactionID || r.ClientHWAddr.String() != p.ClientHWAddr.String() || r.OpCode != dhcpv4.OpcodeBootReply ||
		addrOf(r.ServerIdentifier()) != b.ServerAddr {
		b.t.Errorf("the reply doesn't match the request: %s", r.Summary())
	}
	return r
}

// lease reads a record of the store.
func (b *testServer) lease(mac inventory.MAC) *provision.Lease {
	b.t.Helper()
	r, err := b.Store.Get(context.Background(), LeasePrefix+mac.String())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		b.t.Fatal(err)
	}
	var l provision.Lease
	if err := json.Unmarshal(r.Value, &l); err != nil {
		b.t.Fatal(err)
	}
	return &l
}

type option = dhcpv4.Modifier

func raw(code uint8, value string) option {
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), []byte(value)))
}
func server(a string) option    { return raw(54, string(netip.MustParseAddr(a).AsSlice())) }
func requested(a string) option { return raw(50, string(netip.MustParseAddr(a).AsSlice())) }
func ciaddr(a string) option {
	return dhcpv4.WithClientIP(netip.MustParseAddr(a).AsSlice())
}
func relayed(a string) option { return dhcpv4.WithRelay(netip.MustParseAddr(a).AsSlice()) }

// pxe makes the sender x64 UEFI firmware.
func pxe(p *dhcpv4.DHCPv4) {
	raw(60, "PXEClient:Arch:00007:UNDI:003001")(p)
	raw(93, "\x00\x07")(p)
	p.SetBroadcast()
}

// ipxe makes the sender an iPXE on x64 UEFI.
func ipxe(p *dhcpv4.DHCPv4) {
	pxe(p)
	raw(77, "iPXE")(p)
	raw(175, "\x13\x01\x01\x24\x01\x01")(p)
	p.SetUnicast()
}

func message(mac inventory.MAC, kind dhcpv4.MessageType, options ...option) *dhcpv4.DHCPv4 {
	p := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: 1, TransactionID: dhcpv4.TransactionID{1, 2, 3, mac[5]},
		ClientHWAddr: mac.HardwareAddr(), Options: dhcpv4.Options{},
	}
	p.UpdateOption(dhcpv4.OptMessageType(kind))
	for _, o := range options {
		o(p)
	}
	return p
}

func discover(mac inventory.MAC, options ...option) *dhcpv4.DHCPv4 {
	return message(mac, dhcpv4.MessageTypeDiscover, options...)
}

func requestMessage(mac inventory.MAC, options ...option) *dhcpv4.DHCPv4 {
	return message(mac, dhcpv4.MessageTypeRequest, options...)
}

// join does the whole exchange and returns the address.
func (b *testServer) join(mac inventory.MAC, options ...option) string {
	b.t.Helper()
	offer := b.ask(discover(mac, options...))
	if offer == nil || offer.MessageType() != dhcpv4.MessageTypeOffer {
		b.t.Fatalf("%s: no offer: %v", mac, offer)
	}
	options = append(options, server("10.77.0.1"), requested(offer.YourIPAddr.String()))
	ack := b.ask(requestMessage(mac, options...))
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(offer.YourIPAddr) {
		b.t.Fatalf("%s: no acknowledgement of %s: %v", mac, offer.YourIPAddr, ack)
	}
	return ack.YourIPAddr.String()
}
