package dhcp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
	"rackhand/provision/trace"
)

// traced makes a server that traces to a recorder, in which each packet of MACs has a line.
func traced(t *testing.T) (*testServer, func(mac inventory.MAC) []trace.Line) {
	b := newTestServer(t)
	r := traces(b)
	b.Trace = r.Record
	return b, func(mac inventory.MAC) []trace.Line { return r.Lines([]inventory.MAC{mac}, 0) }
}

// TestTraceWhy checks what a trace says of each kind of packet: the decision, or why there
// is no answer.
func TestTraceWhy(t *testing.T) {
	anyone := inventory.MAC{0x52, 0x54, 0, 0x99, 0, 7}
	for name, tc := range map[string]struct {
		change func(*testServer)
		packet []byte
		mac    inventory.MAC
		want   string
	}{
		"offer":          {nil, discover(web1, pxe).ToBytes(), web1, "offered 10.77.0.130: web1 "},
		"acknowledged":   {nil, requestMessage(web1, server("10.77.0.1"), requested("10.77.0.130")).ToBytes(), web1, "acknowledged 10.77.0.130: web1 "},
		"another server": {nil, requestMessage(web1, server("10.77.0.9"), requested("10.77.0.130")).ToBytes(), web1, "not answered: it names another server"},
		"refused":        {nil, requestMessage(web1, server("10.77.0.1"), requested("10.77.0.140")).ToBytes(), web1, "refused: it has another address on this network"},
		"no address":     {nil, requestMessage(web1).ToBytes(), web1, "not answered: it names no address"},
		"wrong network":  {nil, discover(away).ToBytes(), away, "not answered: it gets no address: " + errWrongNetwork.Error()},
		"exhausted": {
			func(b *testServer) { b.snap.Networks["rack1"].Leases = inventory.Range{} },
			discover(anyone).ToBytes(), anyone, "not answered: it gets no address",
		},
		"another relay": {nil, discover(web1, relayed("10.99.0.1")).ToBytes(), web1, "not answered: it comes from no network of the inventory"},
		"gate": {
			func(b *testServer) {
				b.MayServe = func(*inventory.Network) error { return errors.New("another DHCP server answers") }
			}, discover(web1).ToBytes(), web1,
			"not answered: this server may not serve the network: another DHCP server answers",
		},
		"off": {
			func(b *testServer) { b.snap.Networks["rack1"].DHCP = inventory.DHCPOff },
			discover(web1).ToBytes(), web1, "not answered: the network has no DHCP from this server",
		},
		"no decision":     {func(b *testServer) { b.fail = errors.New("disk full") }, discover(web1, pxe).ToBytes(), web1, "not answered: there is no decision about its boot"},
		"proxy, a system": {proxies, discover(web1).ToBytes(), web1, "not answered: another server assigns the addresses here, and it doesn't boot"},
		"proxy, a lease":  {proxies, requestMessage(web1, server("10.77.0.9"), requested("10.77.0.130")).ToBytes(), web1, "not answered: another server assigns the addresses here"},
		"proxy, a boot": {
			func(b *testServer) { proxies(b); b.arm("web1") },
			discover(web1, pxe).ToBytes(), web1, "offered a boot file: web1",
		},
		"slow disk": {
			func(b *testServer) { b.writes = make([]*write, writesMost) },
			requestMessage(web1, server("10.77.0.1"), requested("10.77.0.130")).ToBytes(), web1, "not answered: the disk is too slow",
		},
		"decline":         {nil, message(web1, dhcpv4.MessageTypeDecline, requested("10.77.0.130")).ToBytes(), web1, "not answered: it doesn't name this server"},
		"inform":          {nil, message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.130")).ToBytes(), web1, "INFORM by a system's client, has 10.77.0.130: answered"},
		"inform, outside": {nil, message(web1, dhcpv4.MessageTypeInform, ciaddr("10.1.0.1")).ToBytes(), web1, "not answered: its address isn't of this network"},
		"release":         {nil, message(web1, dhcpv4.MessageTypeRelease, server("10.77.0.1"), ciaddr("10.77.0.130")).ToBytes(), web1, "RELEASE by a system's client, names server 10.77.0.1, has 10.77.0.130: released"},
		"a server's type": {nil, message(web1, dhcpv4.MessageTypeOffer).ToBytes(), web1, "not answered"},
		"broken":          {nil, discover(web1).ToBytes()[:200], web1, "a packet of 200 bytes that can't be read as DHCP: dropped: "},
	} {
		b, lines := traced(t)
		if tc.change != nil {
			tc.change(b)
		}
		b.tryAnswer(t.Context(), datagram{payload: tc.packet})
		got := lines(tc.mac)
		if len(got) != 1 || !strings.Contains(got[0].Text, tc.want) || got[0].Sent {
			t.Errorf("%s: %+v, not %s", name, got, tc.want)
		}
	}
}

func proxies(b *testServer) { b.snap.Networks["rack1"].DHCP = inventory.DHCPProxy }

// TestTraceSent checks the frames of replies and of what came, and that a reply which wasn't
// sent says so.
func TestTraceSent(t *testing.T) {
	b, lines := traced(t)
	b.mac = inventory.MAC{2, 0, 0, 0, 0, 1}
	o := b.tryAnswer(t.Context(), datagram{payload: discover(web1, pxe).ToBytes()})
	unicast := b.tryAnswer(t.Context(), datagram{payload: discover(web2).ToBytes()})
	b.traceAll([]outgoing{{o.reply, o.to}, {unicast.reply, unicast.to}}, []unsent{{unicast.reply, unix.ENOBUFS}})
	want := map[inventory.MAC][2]string{
		web1: {"OFFER of 10.77.0.130, server 10.77.0.1, ", "to 255.255.255.255:68"},
		web2: {"OFFER of 10.77.0.131, server 10.77.0.1, ", "to 10.77.0.131:68: not sent: no buffer space available"},
	}
	for mac, text := range want {
		got := lines(mac)
		if len(got) != 2 || !got[1].Sent || !strings.HasPrefix(got[1].Text, text[0]) || !strings.HasSuffix(got[1].Text, text[1]) {
			t.Errorf("%s: %+v", mac, got)
			continue
		}
		to := mac
		if mac == web1 {
			to = everyone(68).MAC
		}
		if f := got[1].Frame; inventory.MAC(f[:6]) != to || inventory.MAC(f[6:12]) != b.mac || !strings.HasSuffix(string(f), string(map[bool][]byte{true: o.reply, false: unicast.reply}[mac == web1])) {
			t.Errorf("%s: %x", mac, f)
		}
	}
}

// A deafProber asks for an address, and nothing answers.
type deafProber struct{}

func (deafProber) probe(netip.Addr, bool) error { return nil }

// TestTraceProbe checks that a probe follows the packet that caused it, then an answer to it,
// then the probe of the next address.
func TestTraceProbe(t *testing.T) {
	b, lines := traced(t)
	b.prober = deafProber{}
	b.tryAnswer(t.Context(), datagram{payload: discover(stranger).ToBytes()})
	b.conflict(t.Context(), netip.MustParseAddr("10.77.0.203"), inventory.MAC{2, 0, 0, 0, 0, 9}, func(...outgoing) {})
	var texts []string
	for _, l := range lines(stranger) {
		texts = append(texts, l.Text)
	}
	got := strings.Join(texts, "\n")
	for _, want := range []string{
		"DISCOVER by a system's client: probed first, then offered 10.77.0.203",
		"\nARP asks which machine has 10.77.0.203\n02:00:00:00:00:09 answers at 10.77.0.203, which this box was about to get\nARP asks which machine has 10.77.0.20",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
}
