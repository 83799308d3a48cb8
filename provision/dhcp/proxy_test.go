package dhcp

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/store"
)

// newProxy is a test server whose network has another server, 10.77.0.66.
func newProxy(t testing.TB) *testServer {
	b := newTestServer(t)
	b.snap.Networks["rack1"].DHCP = inventory.DHCPProxy
	return b
}

// binl sends a packet to port 4011 from an address and returns the reply; nil for none.
func (b *testServer) binl(p *dhcpv4.DHCPv4, from string) *dhcpv4.DHCPv4 {
	b.t.Helper()
	raw := b.answerBINL(context.Background(), p.ToBytes(), netip.MustParseAddrPort(from)).reply
	if raw == nil {
		return nil
	}
	r, err := dhcpv4.FromBytes(raw)
	if err != nil {
		b.t.Fatalf("the reply can't be read: %v", err)
	}
	return r
}

// TestProxyCapture replays packets of real clients to a proxy: with each form of its offer,
// with hosts that boot their disks, and with unclaimed boxes. It sends each PXE client's
// DISCOVER again as a REQUEST to port 4011.
func TestProxyCapture(t *testing.T) {
	arm := func(b *testServer, form inventory.ProxyForm) {
		for name, h := range b.snap.Hosts {
			b.arm(name)
			h.Boot.Proxy = form
		}
	}
	for name, prepare := range map[string]func(*testServer){
		"pxe":       func(b *testServer) { arm(b, inventory.ProxyPXE) },
		"binl":      func(b *testServer) { arm(b, inventory.ProxyBINL) },
		"disk":      func(*testServer) {},
		"unclaimed": func(b *testServer) { b.snap.Hosts = map[string]*inventory.Host{} },
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			for i, p := range captured(t) {
				b := newProxy(t)
				prepare(b)
				req, err := dhcpv4.FromBytes(p)
				if err != nil {
					t.Fatal(err)
				}
				c, err := recognise(req)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&out, "%d. %s from %s: %s, %s\n", i+1, req.MessageType(), c.mac, c.kind, c.arch)
				if req.MessageType() == dhcpv4.MessageTypeRequest {
					raw(54, "\x0a\x4d\x00\x42")(req) // it took the other server's offer
				}
				reply, to, ok := b.answer(context.Background(), req.ToBytes())
				if !ok {
					out.WriteString("   silence\n")
				} else {
					show(t, &out, reply, to)
				}
				say := func() {
					for _, e := range b.events {
						fmt.Fprintf(&out, "   event %s %s %s%s: %s\n", e.Host, e.Kind, e.Stage, e.Level, e.Message)
					}
					b.events = nil
				}
				say()
				if req.MessageType() != dhcpv4.MessageTypeDiscover {
					continue
				}
				req.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
				req.ClientIPAddr = []byte{10, 77, 0, 99}
				from := netip.MustParseAddrPort("10.77.0.99:4011")
				if reply := b.answerBINL(context.Background(), req.ToBytes(), from).reply; reply != nil {
					out.WriteString("   and on port 4011:\n")
					show(t, &out, reply, destination{to: from})
				}
				say()
			}
			golden(t, "proxy-"+name+".golden", out.String())
		})
	}
}

// TestProxyOffers checks which clients get an offer, and that an offer has no address and
// no settings.
func TestProxyOffers(t *testing.T) {
	http := func(p *dhcpv4.DHCPv4) { raw(60, "HTTPClient:Arch:00016:UNDI:003001")(p); raw(93, "\x00\x10")(p) }
	cases := []struct {
		name string
		msg  *dhcpv4.DHCPv4
		to   string // "" for no answer
		file string
		on60 string
	}{
		{"firmware", discover(web1, pxe), "255.255.255.255:68", "snponly.efi\x00", "PXEClient"},
		{"firmware that wants no broadcast", discover(web1, pxe, dhcpv4.WithBroadcast(false)), "255.255.255.255:68", "snponly.efi\x00", "PXEClient"},
		{"firmware behind a relay", discover(web1, pxe, relayed("10.77.0.254")), "10.77.0.254:67", "snponly.efi\x00", "PXEClient"},
		{"relay outside all networks", discover(web1, pxe, relayed("192.0.2.1")), "", "", ""},
		{"HTTP boot", discover(web1, http), "255.255.255.255:68", "http://10.77.0.1/boot/file/snponly.efi\x00", "HTTPClient"},
		{"iPXE", discover(web1, ipxe), "255.255.255.255:68", "http://10.77.0.1/boot/ipxe?mac=52:54:00:77:00:01", "PXEClient"},
		{"an installed system", discover(web1), "", "", ""},
		{"debian-installer", discover(web1, raw(60, "d-i")), "", "", ""},
		{"a host with nothing to boot", discover(web2, pxe), "", "", ""},
		{"an unclaimed box", discover(stranger, pxe), "", "", ""},
		{"a laptop", discover(stranger), "", "", ""},
		{"a request to us", requestMessage(web1, pxe, server("10.77.0.1"), requested("10.77.0.130")), "", "", ""},
		{"a request to the other", requestMessage(web1, pxe, server("10.77.0.66"), requested("10.77.0.130")), "", "", ""},
		{"a wrong address gets no NAK", requestMessage(web1, requested("192.0.2.9")), "", "", ""},
		{"inform", message(web1, dhcpv4.MessageTypeInform, pxe, ciaddr("10.77.0.130")), "", "", ""},
		{"release", message(web1, dhcpv4.MessageTypeRelease, ciaddr("10.77.0.130")), "", "", ""},
	}
	for _, tc := range cases {
		b := newProxy(t)
		b.arm("web1")
		got, to, ok := b.answer(context.Background(), tc.msg.ToBytes())
		if !ok {
			if tc.to != "" {
				t.Errorf("%s: silence", tc.name)
			}
			continue
		}
		r, err := dhcpv4.FromBytes(got)
		if err != nil {
			t.Fatal(err)
		}
		if to.to.String() != tc.to || to.frame {
			t.Errorf("%s: sent to %+v, want %q", tc.name, to, tc.to)
		}
		if r.MessageType() != offer || !r.YourIPAddr.IsUnspecified() || !r.IsBroadcast() {
			t.Errorf("%s: %s, yiaddr %s, broadcast %v", tc.name, r.MessageType(), r.YourIPAddr, r.IsBroadcast())
		}
		if file := string(r.Options.Get(dhcpv4.OptionBootfileName)); file != tc.file {
			t.Errorf("%s: file %q, want %q", tc.name, file, tc.file)
		}
		if class := string(r.Options.Get(dhcpv4.OptionClassIdentifier)); class != tc.on60 {
			t.Errorf("%s: option 60 is %q, want %q", tc.name, class, tc.on60)
		}
		for _, code := range []uint8{1, 3, 6, 12, 15, 51, 58, 59, 175} {
			if r.Options.Has(dhcpv4.GenericOptionCode(code)) {
				t.Errorf("%s: option %d is the other server's", tc.name, code)
			}
		}
		if b.lease(web1) != nil {
			t.Errorf("%s: a lease was written", tc.name)
		}
	}
}

// TestBINL checks which clients are answered on port 4011.
func TestBINL(t *testing.T) {
	const at = "10.77.0.99:4011"
	here := ciaddr("10.77.0.99")
	cases := []struct {
		name string
		msg  *dhcpv4.DHCPv4
		from string
		want bool
	}{
		{"request", requestMessage(web1, pxe, here), at, true},
		{"request from port 68", requestMessage(web1, pxe, here), "10.77.0.99:68", true},
		{"inform", message(web1, dhcpv4.MessageTypeInform, pxe, here), at, true},
		{"discover", discover(web1, pxe, here), at, true},
		{"an old iPXE", requestMessage(web1, ipxe, here, server("10.77.0.1")), at, true},
		{"a release", message(web1, dhcpv4.MessageTypeRelease, pxe, here), at, false},
		{"an installed system", requestMessage(web1, here), at, false},
		{"a host with nothing to boot", requestMessage(web2, pxe, here), at, false},
		{"an unclaimed box", requestMessage(stranger, pxe, here), at, false},
		{"from an authoritative network", requestMessage(web1, pxe, here), "10.78.0.9:4011", false},
		{"from no network", requestMessage(web1, pxe, here), "192.0.2.9:4011", false},
		{"from ourselves", requestMessage(web1, pxe, here), "10.77.0.1:4011", false},
	}
	for _, tc := range cases {
		b := newProxy(t)
		b.arm("web1")
		r := b.binl(tc.msg, tc.from)
		if (r != nil) != tc.want {
			t.Errorf("%s: answered %v", tc.name, r)
		}
		if r == nil {
			continue
		}
		if r.MessageType() != ack || !r.ClientIPAddr.Equal(tc.msg.ClientIPAddr) || !r.YourIPAddr.IsUnspecified() || addrOf(r.ServerIPAddr) != serverAddr || r.BootFileName == "" {
			t.Errorf("%s: %s", tc.name, r.Summary())
		}
		b.wantKinds("web1 binl addressed")
	}
}

// TestProxyArms checks that the first DISCOVER arms a host with automatic installs, since
// its REQUEST goes to the other server. When arming fails, the host gets no answer.
func TestProxyArms(t *testing.T) {
	b := newProxy(t)
	b.snap.Hosts["web1"].Install = inventory.FirstBoot
	if r := b.ask(discover(web1, pxe)); r == nil || r.BootFileName == "" {
		t.Errorf("the first boot of a new host: %v", r)
	}
	b.fail = store.ErrClosed
	if r := b.ask(discover(web1, pxe)); r != nil {
		t.Errorf("an offer without a decision: %s", r.Summary())
	}
	if r := b.binl(requestMessage(web1, pxe, ciaddr("10.77.0.99")), "10.77.0.99:4011"); r != nil {
		t.Errorf("an answer on 4011 without a decision: %s", r.Summary())
	}
}

// TestProxyReplacesIPXE checks that an iPXE in a card's ROM that is to be replaced gets the
// program, and the next iPXE its script.
func TestProxyReplacesIPXE(t *testing.T) {
	b := newProxy(t)
	b.arm("web1")
	b.snap.Hosts["web1"].Boot.Program = "ipxe.efi"
	const script = "http://10.77.0.1/boot/ipxe?mac=52:54:00:77:00:01"
	for i, want := range []string{"ipxe.efi", "ipxe.efi", script} {
		if i == 2 {
			b.ask(requestMessage(web1, ipxe, server("10.77.0.66"), requested("10.77.0.130")))
		}
		r := b.ask(discover(web1, ipxe))
		if r == nil || r.BootFileName != want || r.Options.Has(optIPXE) || string(r.Options.Get(dhcpv4.OptionClassIdentifier)) != "PXEClient" {
			t.Errorf("DISCOVER %d: %v, want %s", i, r, want)
		}
	}
	b.now = b.now.Add(10 * time.Minute)
	if r := b.ask(discover(web1, ipxe)); r == nil || r.BootFileName != "ipxe.efi" {
		t.Errorf("at its next boot: %v", r)
	}
}

// FuzzProxy checks that no packet to port 67 or 4011 of a proxy causes a panic or gets an
// address.
func FuzzProxy(f *testing.F) {
	for _, p := range captured(f) {
		f.Add(p, true)
		f.Add(p, false)
	}
	b := newProxy(f)
	for name := range b.snap.Hosts {
		b.arm(name)
	}
	f.Fuzz(func(t *testing.T, packet []byte, on4011 bool) {
		if len(packet) > 1500 {
			return
		}
		b.events = nil
		var reply []byte
		var ok bool
		if on4011 {
			reply = b.answerBINL(context.Background(), packet, netip.MustParseAddrPort("10.77.0.99:4011")).reply
			ok = reply != nil
		} else {
			reply, _, ok = b.answer(context.Background(), packet)
		}
		if !ok {
			return
		}
		r, err := dhcpv4.FromBytes(reply)
		if err != nil {
			t.Fatalf("the reply can't be read: %v", err)
		}
		if !r.YourIPAddr.IsUnspecified() || r.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
			t.Fatalf("a proxy gave an address: %s", r.Summary())
		}
	})
}
