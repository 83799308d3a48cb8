package dhcp

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// fuzzServer is a server whose inventory has a network of each mode, behind relays.
func fuzzServer(t testing.TB) *testServer {
	b := newTestServer(t)
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	farRange(b)
	b.snap.Networks["beside"] = &inventory.Network{Name: "beside", Subnet: prefix("10.79.0.0/24"), DHCP: inventory.DHCPProxy}
	b.snap.Networks["off"] = &inventory.Network{Name: "off", Subnet: prefix("10.80.0.0/24"), DHCP: inventory.DHCPOff, Leases: inventory.Range{First: addr("10.80.0.200"), Last: addr("10.80.0.201")}}
	n := b.snap.Networks["rack1"]
	n.Search, n.MTU, n.Routes = []string{"rack.example", "example"}, 9000, []inventory.Route{route4("10.9.0.0/16", "10.77.0.253")}
	n.Options = map[uint8][]byte{150: {10, 77, 0, 9}, 43: {1, 1, 1}}
	b.snap.Networks["rack2"].AllowOtherDHCP = true
	withBMC(b.snap, "10.77.0.111")
	armAll(b)
	b.UnderWay = func(string) bool { return true }
	b.Expected = func(string) (time.Time, bool) { return b.now, true }
	return b
}

// How a packet of FuzzAnswer arrives: bits of its mode.
const (
	fuzzToUs    = 1 << iota // it was sent to our address, from its ciaddr
	fuzzProbes              // addresses are probed
	fuzzInUse               // a machine answers on all probed addresses
	fuzzChained             // its card was given a boot program
)

// FuzzAnswer checks that no packet causes a panic or makes a table grow without bound. Each
// reply must be readable, answer its packet, and go to the client or its relay. A client
// that doesn't boot never gets a boot file.
func FuzzAnswer(f *testing.F) {
	for _, p := range captured(f) {
		f.Add(p, byte(0))
		for i, relay := range []string{"10.77.0.254", "10.78.0.1", "10.79.0.1", "10.80.0.1", "127.0.0.1"} {
			req, err := dhcpv4.FromBytes(p)
			if err != nil {
				f.Fatal(err)
			}
			relayed(relay)(req)
			raw(82, sub(1, "port")+sub(5, bytesOf(relay))+sub(11, bytesOf("10.78.0.254")))(req)
			f.Add(req.ToBytes(), byte(i*3))
		}
	}
	b := fuzzServer(f)
	prober := &fakeProber{}
	f.Fuzz(func(t *testing.T, p []byte, mode byte) {
		b.now = b.now.Add(time.Second)
		b.events, prober.asked = nil, nil
		req, parsed := parse(p)
		d := datagram{payload: p, unicast: mode&fuzzToUs != 0}
		if parsed == nil {
			d.from = addrOf(req.ClientIPAddr)
			if mode&fuzzChained != 0 && len(req.ClientHWAddr) == 6 {
				b.chained.Add(inventory.MAC(req.ClientHWAddr), b.now)
			}
		}
		b.prober = nil
		if mode&fuzzProbes != 0 {
			b.prober = prober
		}
		check := func(out ...outgoing) {
			for _, o := range out {
				checkReply(t, b, p, o.reply, o.to)
			}
		}
		if out, to, ok := b.take(t.Context(), d); ok {
			check(outgoing{out, to})
		}
		for i := 0; i < len(prober.asked) && mode&fuzzInUse != 0; i++ {
			_, addr, _ := strings.Cut(prober.asked[i], " ")
			b.conflict(t.Context(), netip.MustParseAddr(addr), squatter, check)
		}
		quiet, _ := b.probes.expire(b.now.Add(probeWait))
		for _, q := range quiet {
			if q.reply != nil {
				check(outgoing{q.reply, q.to})
			}
		}
		addresses := len(b.snap.Hosts) + 1 + 4 + 2 // one more for the BMC
		if len(b.table.byMAC) > addresses || len(b.table.declined) > addresses || len(b.table.moving) > addresses || len(b.probes.byAddr) != 0 {
			t.Fatalf("%d slots, %d resting, %d probed", len(b.table.byMAC), len(b.table.declined), len(b.probes.byAddr))
		}
		if len(prober.asked) > probeTries+1 {
			t.Fatalf("%d addresses were tried for one packet", len(prober.asked))
		}
		for _, e := range b.events {
			texts := []string{e.Message, e.Host}
			for _, v := range e.Fields {
				texts = append(texts, v)
			}
			for _, s := range texts {
				if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(s) > 1000 {
					t.Fatalf("event text %q", s)
				}
			}
		}
	})
}

// checkReply checks a reply against the rules for all replies.
func checkReply(t *testing.T, b *testServer, p, out []byte, to destination) {
	req, err := parse(p)
	if err != nil {
		t.Fatal("answered what can't be read")
	}
	r, err := dhcpv4.FromBytes(out)
	if err != nil {
		t.Fatalf("unreadable reply: %v", err)
	}
	if r.OpCode != dhcpv4.OpcodeBootReply || r.TransactionID != req.TransactionID || !bytes.Equal(r.ClientHWAddr, req.ClientHWAddr) {
		t.Fatalf("no reply to it: %s", r.Summary())
	}
	c, err := recognise(req)
	if err != nil {
		t.Fatal(err)
	}
	if !c.kind.Boots() && (r.BootFileName != "" || r.Options.Has(dhcpv4.OptionBootfileName) || addrOf(r.ServerIPAddr).IsValid()) {
		t.Fatalf("a boot file for %q", c.vendor)
	}
	if relay := addrOf(req.GatewayIPAddr); relay.IsValid() {
		if to.to.Addr() != relay || to.to.Port() != 67 || to.frame || !isHostAddress(relay) {
			t.Fatalf("relayed by %s, sent to %s", relay, to.to)
		}
	} else if !to.to.Addr().Is4() || to.to.Port() != 68 || b.snap.NetworkOf(to.to.Addr()) == nil && to.to.Addr() != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		t.Fatalf("sent to %s", to.to)
	}
	if info := req.Options.Get(dhcpv4.OptionRelayAgentInformation); info != nil {
		codes := order(out)
		if !bytes.Equal(r.Options.Get(dhcpv4.OptionRelayAgentInformation), info) || codes[len(codes)-1] != 82 {
			t.Fatalf("option 82 % x came back as % x, the order is %v", info, r.Options.Get(dhcpv4.OptionRelayAgentInformation), codes)
		}
	}
	if name := addrOf(r.ServerIdentifier()); name != serverAddr && name != c.relay.server {
		t.Fatalf("the server identifier is %s", name)
	}
	if given := addrOf(r.YourIPAddr); given.IsValid() {
		if n := b.snap.NetworkOf(given); n == nil || n.Mode() != inventory.DHCPAuthoritative || given == serverAddr {
			t.Fatalf("gave %s", given)
		}
		if host := b.snap.HostByAddress(given); host != nil && b.snap.HostByMAC(c.mac) != host {
			t.Fatalf("gave %s's address to %s", host.Name, c.mac)
		}
		if b.snap.IsBMC(given) && b.snap.HostByBMC(c.mac) == nil {
			t.Fatalf("gave a BMC's address to %s", c.mac)
		}
	}
}

// FuzzRecognise checks that a client can be read from any packet, and that its texts are
// short and printable.
func FuzzRecognise(f *testing.F) {
	for _, o := range []struct{ vendor, arch, class, features, agent string }{
		{"PXEClient:Arch:00007:UNDI:003001", "\x00\x07", "", "", sub(1, "Gi1/0/12")},
		{"PXEClient:Arch:99999:UNDI", "\x00", "iPXE", "\x13\x01\x01\x24\x01\x01", "\x01\xff"},
		{"HTTPClient", "\x00\x10\x00\x0b", "\x04iPXE", "\x00\x00\x13\x09", "\x05\x04"},
	} {
		f.Add([]byte(o.vendor), []byte(o.arch), []byte(o.class), []byte(o.features), []byte(o.agent))
	}
	f.Fuzz(func(t *testing.T, vendor, arch, class, features, agent []byte) {
		p := discover(web1, relayed("10.78.0.1"), raw(60, string(vendor)), raw(93, string(arch)), raw(77, string(class)), raw(175, string(features)), raw(82, string(agent)), raw(12, string(vendor)), raw(97, string(class)))
		c, err := recognise(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{c.vendor, c.hostName, c.uuid, c.relay.circuit, c.relay.remote} {
			if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("kept %q", s)
			}
		}
		if c.kind == boot.IPXE != c.ipxe || c.noHTTP && !c.ipxe {
			t.Fatalf("%+v", c)
		}
		if c.relay.server.IsValid() && !isHostAddress(c.relay.server) {
			t.Fatalf("our server identifier would be %s", c.relay.server)
		}
	})
}
