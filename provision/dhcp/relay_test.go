package dhcp

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// sub is a sub-option of option 82.
func sub(code byte, value string) string { return string([]byte{code, byte(len(value))}) + value }

func bytesOf(a string) string { return string(netip.MustParseAddr(a).AsSlice()) }

func TestRelayInfo(t *testing.T) {
	addr := netip.MustParseAddr
	for _, tc := range []struct {
		name   string
		giaddr string
		option string
		want   relayInfo
	}{
		{"none", "", "", relayInfo{}},
		{"relay that adds nothing", "10.78.0.1", "", relayInfo{addr: addr("10.78.0.1")}},
		{"text", "10.78.0.1", sub(1, "Gi1/0/12") + sub(2, "sw1"), relayInfo{addr: addr("10.78.0.1"), circuit: "Gi1/0/12", remote: "sw1"}},
		{"text with a NUL", "10.78.0.1", sub(1, "port7\x00"), relayInfo{addr: addr("10.78.0.1"), circuit: "port7"}},
		{"binary", "10.78.0.1", sub(1, "\x00\x04\x00\x64\x01\x0c") + sub(2, "\x00\x06\xaa\xbb\xcc\x00\x01\x02"), relayInfo{addr: addr("10.78.0.1"), circuit: "00040064010c", remote: "0006aabbcc000102"}},
		{"all zeros", "10.78.0.1", sub(1, "\x00\x00"), relayInfo{addr: addr("10.78.0.1"), circuit: "0000"}},
		{"long", "10.78.0.1", sub(1, strings.Repeat("p", 200)) + sub(2, ""), relayInfo{addr: addr("10.78.0.1"), circuit: strings.Repeat("p", 64)}},
		{"long binary", "10.78.0.1", sub(1, strings.Repeat("\xff", 200)), relayInfo{addr: addr("10.78.0.1"), circuit: strings.Repeat("ff", 32)}},
		{"the first one counts", "10.78.0.1", sub(1, "a") + sub(1, "b"), relayInfo{addr: addr("10.78.0.1"), circuit: "a"}},
		{"link and name", "10.78.0.1", sub(5, bytesOf("10.77.0.0")) + sub(11, bytesOf("10.77.0.254")), relayInfo{addr: addr("10.78.0.1"), link: addr("10.77.0.0"), server: addr("10.77.0.254")}},
		{"link of three bytes", "10.78.0.1", sub(5, "\x0a\x4d\x00"), relayInfo{addr: addr("10.78.0.1")}},
		{"an invalid server identifier", "10.78.0.1", sub(11, bytesOf("127.0.0.1")), relayInfo{addr: addr("10.78.0.1")}},
		{"on our own link, only circuit and remote count", "", sub(1, "Gi1/0/12") + sub(5, bytesOf("10.78.0.0")) + sub(11, bytesOf("10.77.0.254")), relayInfo{circuit: "Gi1/0/12"}},
		{"cut", "10.78.0.1", sub(1, "a") + "\x02\x09sw", relayInfo{addr: addr("10.78.0.1"), circuit: "a"}},
	} {
		p := discover(web1)
		if tc.giaddr != "" {
			relayed(tc.giaddr)(p)
		}
		if tc.option != "" {
			raw(82, tc.option)(p)
		}
		got, err := readRelay(p)
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(relayInfo{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, diff)
		}
	}
}

// TestInvalidRelay checks addresses that can't be a relay's, to which a reply would go.
// Such a packet is dropped and reported.
func TestInvalidRelay(t *testing.T) {
	for _, giaddr := range []string{"127.0.0.1", "224.0.0.1", "255.255.255.255", "0.1.2.3", "240.0.0.1", serverAddr.String()} {
		b := newTestServer(t)
		if r := b.ask(discover(web1, relayed(giaddr))); r != nil {
			t.Errorf("%s was answered", giaddr)
		}
		b.wantKinds(" bad-packet")
	}
}

// exchange sends a packet with a source address.
func (b *testServer) exchange(p *dhcpv4.DHCPv4, from string, unicast bool) (*dhcpv4.DHCPv4, destination) {
	b.t.Helper()
	d := datagram{payload: p.ToBytes(), unicast: unicast}
	if from != "" {
		d.from = netip.MustParseAddr(from)
	}
	reply, to, ok := b.take(context.Background(), d)
	if !ok {
		return nil, to
	}
	r, err := dhcpv4.FromBytes(reply)
	if err != nil {
		b.t.Fatal(err)
	}
	return r, to
}

// farRange gives the network behind the relay a range.
func farRange(b *testServer) {
	b.snap.Networks["rack2"].Leases = inventory.Range{First: netip.MustParseAddr("10.78.0.200"), Last: netip.MustParseAddr("10.78.0.201")}
}

// TestRelayPicksNetwork checks that giaddr selects the client's network unless link
// selection does, and that the reply always goes to the relay's server port.
func TestRelayPicksNetwork(t *testing.T) {
	for _, tc := range []struct {
		name string
		msg  *dhcpv4.DHCPv4
		want string // address; "" for no answer
		to   string
	}{
		{"giaddr", discover(away, relayed("10.78.0.1")), "10.78.0.44", "10.78.0.1:67"},
		{"giaddr, unclaimed", discover(stranger, relayed("10.78.0.1")), "10.78.0.20", "10.78.0.1:67"},
		{"giaddr elsewhere, link here", discover(away, relayed("172.16.0.9"), raw(82, sub(5, bytesOf("10.78.0.0")))), "10.78.0.44", "172.16.0.9:67"},
		{"giaddr here, link elsewhere", discover(away, relayed("10.78.0.1"), raw(82, sub(5, bytesOf("172.16.0.0")))), "", ""},
		{"giaddr elsewhere", discover(away, relayed("172.16.0.9")), "", ""},
		{"giaddr elsewhere, subnet selection here", discover(away, relayed("172.16.0.9"), raw(118, bytesOf("10.78.0.0"))), "10.78.0.44", "172.16.0.9:67"},
		{"giaddr in one network, subnet selection in another", discover(away, relayed("10.77.0.254"), raw(118, bytesOf("10.78.0.0"))), "10.78.0.44", "10.77.0.254:67"},
		{"subnet selection elsewhere", discover(away, relayed("10.78.0.1"), raw(118, bytesOf("172.16.0.0"))), "", ""},
		{"link selection before subnet selection", discover(away, relayed("172.16.0.9"), raw(118, bytesOf("172.16.0.0")), raw(82, sub(5, bytesOf("10.78.0.0")))), "10.78.0.44", "172.16.0.9:67"},
		{"subnet selection of three bytes", discover(away, relayed("10.78.0.1"), raw(118, "\x0a\x4d\x00")), "10.78.0.44", "10.78.0.1:67"},
		{"subnet selection without a relay", discover(away, raw(118, bytesOf("10.78.0.0"))), "", ""},
		{"link without a relay", discover(away, raw(82, sub(5, bytesOf("10.78.0.0")))), "", ""},
		{"wants a broadcast", discover(away, relayed("10.78.0.1"), dhcpv4.WithBroadcast(true)), "10.78.0.44", "10.78.0.1:67"},
		{"renews through its relay", requestMessage(away, ciaddr("10.78.0.44"), relayed("10.78.0.1")), "10.78.0.44", "10.78.0.1:67"},
	} {
		b := newTestServer(t)
		farRange(b)
		tc.msg.HopCount, tc.msg.NumSeconds = 3, 7
		r, to := b.exchange(tc.msg, "", false)
		if (r == nil) != (tc.want == "") {
			t.Errorf("%s: %v", tc.name, r)
			continue
		}
		if r == nil {
			continue
		}
		if !strings.HasPrefix(r.YourIPAddr.String(), tc.want) || to.to.String() != tc.to || to.frame {
			t.Errorf("%s: %s to %s, want %s to %s", tc.name, r.YourIPAddr, to.to, tc.want, tc.to)
		}
		if r.HopCount != 0 || r.NumSeconds != 0 || !r.GatewayIPAddr.Equal(tc.msg.GatewayIPAddr) || r.IsBroadcast() != tc.msg.IsBroadcast() {
			t.Errorf("%s: %s", tc.name, r.Summary())
		}
		// The sender of option 118 discards a reply without it (RFC 3011).
		if got, want := r.Options[118], tc.msg.Options[118]; len(want) == 4 && !bytes.Equal(got, want) || len(want) != 4 && got != nil {
			t.Errorf("%s: option 118 is % x, was % x", tc.name, got, want)
		}
	}
}

// TestServerName checks the server identifier of RFC 5107: replies carry it, and clients
// that name it mean us.
func TestServerName(t *testing.T) {
	const name = "10.78.0.254"
	option := raw(82, sub(1, "p")+sub(11, bytesOf(name)))
	for _, tc := range []struct {
		name   string
		msg    *dhcpv4.DHCPv4
		answer dhcpv4.MessageType
		id     string
	}{
		{"offer", discover(away, relayed("10.78.0.1"), option), offer, name},
		{"selecting by that name", requestMessage(away, relayed("10.78.0.1"), option, server(name), requested("10.78.0.44")), ack, name},
		{"selecting by our own", requestMessage(away, relayed("10.78.0.1"), option, server("10.77.0.1"), requested("10.78.0.44")), ack, name},
		{"that name from elsewhere", requestMessage(away, relayed("10.78.0.1"), server(name), requested("10.78.0.44")), 0, ""},
		{"another server", requestMessage(away, relayed("10.78.0.1"), option, server("10.78.0.66"), requested("10.78.0.44")), 0, ""},
		{"refused", requestMessage(away, relayed("10.78.0.1"), option, server(name), requested("10.78.0.45")), nak, name},
		{"no such option", discover(away, relayed("10.78.0.1")), offer, "10.77.0.1"},
	} {
		b := newTestServer(t)
		b.arm("away")
		pxe(tc.msg)
		r, _ := b.exchange(tc.msg, "", false)
		if r == nil || tc.answer == 0 {
			if r != nil || tc.answer != 0 {
				t.Errorf("%s: %v", tc.name, r)
			}
			continue
		}
		if r.MessageType() != tc.answer || addrOf(r.ServerIdentifier()).String() != tc.id {
			t.Errorf("%s: %s of %s", tc.name, r.MessageType(), r.ServerIdentifier())
		}
		// Files come from our own address, whatever our server identifier.
		if tc.answer != nak && r.ServerIPAddr.String() != "10.77.0.1" {
			t.Errorf("%s: siaddr %s", tc.name, r.ServerIPAddr)
		}
	}
}

// TestLocation checks that the location of a box, as its relay sends it, is in its lease
// and events. It stays through renewals, which bypass the relay, until the box asks from
// another location.
func TestLocation(t *testing.T) {
	b := newTestServer(t)
	farRange(b)
	option := raw(82, sub(1, "Gi1/0/12")+sub(2, "\x00\x06\x01")+sub(9, "vendor's own"))
	want := &provision.Relay{Address: "10.78.0.1", Circuit: "Gi1/0/12", Remote: "000601"}
	for _, mac := range []inventory.MAC{away, stranger} {
		b.kinds()
		r := b.ask(discover(mac, relayed("10.78.0.1"), option))
		addr := r.YourIPAddr.String()
		r = b.ask(requestMessage(mac, relayed("10.78.0.1"), option, server("10.77.0.1"), requested(addr)))
		if got := string(r.Options.Get(dhcpv4.OptionRelayAgentInformation)); got != sub(1, "Gi1/0/12")+sub(2, "\x00\x06\x01")+sub(9, "vendor's own") {
			t.Errorf("%s: option 82 came back as % x", mac, got)
		}
		if codes := order(r.ToBytes()); codes[len(codes)-1] != 82 {
			t.Errorf("%s: 82 isn't last: %v", mac, codes)
		}
		e := b.events[0]
		if f := e.Fields; f["relay"] != "10.78.0.1" || f["circuit"] != "Gi1/0/12" || f["remote"] != "000601" {
			t.Errorf("%s: event %+v", mac, e)
		}
		if diff := cmp.Diff(want, b.lease(mac).Relay); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mac, diff)
		}
		b.now = b.now.Add(30 * time.Minute)
		if r, to := b.exchange(requestMessage(mac, ciaddr(addr)), addr, true); r == nil || r.MessageType() != ack || to.to.String() != addr+":68" || to.frame {
			t.Fatalf("%s: renewing: %v to %v", mac, r, to)
		}
		if diff := cmp.Diff(want, b.lease(mac).Relay); diff != "" {
			t.Errorf("%s, renewed (-want +got):\n%s", mac, diff)
		}
	}
	// A switch on our own link adds the option without being a relay.
	b.join(web1, raw(82, sub(1, "eth7")))
	if diff := cmp.Diff(&provision.Relay{Circuit: "eth7"}, b.lease(web1).Relay); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.join(web1)
	if r := b.lease(web1).Relay; r != nil {
		t.Errorf("on a link without option 82: %+v", r)
	}
}

// TestRenewsWithoutRelay checks that ciaddr selects the network of a client without its
// relay, if the packet came from that address to ours.
func TestRenewsWithoutRelay(t *testing.T) {
	for _, tc := range []struct {
		name    string
		msg     *dhcpv4.DHCPv4
		from    string
		unicast bool
		want    dhcpv4.MessageType
		to      string
	}{
		{"renewing", requestMessage(away, ciaddr("10.78.0.44")), "10.78.0.44", true, ack, "10.78.0.44:68"},
		{"renewing a wrong address", requestMessage(away, ciaddr("10.78.0.45")), "10.78.0.45", true, nak, "10.78.0.45:68"},
		{"inform", message(away, dhcpv4.MessageTypeInform, ciaddr("10.78.0.44")), "10.78.0.44", true, ack, "10.78.0.44:68"},
		{"another source", requestMessage(away, ciaddr("10.78.0.44")), "10.77.0.50", true, nak, "255.255.255.255:68"},
		{"no source", requestMessage(away, ciaddr("10.78.0.44")), "", true, nak, "255.255.255.255:68"},
		// It is on our link, with an address of the other one.
		{"rebinding here", requestMessage(away, ciaddr("10.78.0.44")), "10.78.0.44", false, nak, "255.255.255.255:68"},
		{"from no network", requestMessage(away, ciaddr("192.0.2.1")), "192.0.2.1", true, 0, ""},
		{"on our own link", requestMessage(web1, ciaddr("10.77.0.130")), "10.77.0.130", true, ack, "10.77.0.130:68"},
	} {
		b := newTestServer(t)
		r, to := b.exchange(tc.msg, tc.from, tc.unicast)
		if r == nil || tc.want == 0 {
			if r != nil || tc.want != 0 {
				t.Errorf("%s: %v", tc.name, r)
			}
			continue
		}
		if r.MessageType() != tc.want || to.to.String() != tc.to {
			t.Errorf("%s: %s to %s, want %s to %s", tc.name, r.MessageType(), to.to, tc.want, tc.to)
		}
	}
	b := newTestServer(t)
	b.ask(discover(away, relayed("10.78.0.1")))
	b.ask(requestMessage(away, relayed("10.78.0.1"), server("10.77.0.1"), requested("10.78.0.44")))
	b.exchange(message(away, dhcpv4.MessageTypeRelease, ciaddr("10.78.0.44"), server("10.77.0.1")), "10.78.0.44", true)
	if l := b.lease(away); l.Expires.After(b.now) {
		t.Errorf("released from away: %+v", l)
	}
}
