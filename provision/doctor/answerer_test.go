package doctor

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/net/bpf"

	"rackhand/inventory"
)

var (
	probe  = inventory.MAC{0x02, 0, 0, 0, 0, 1}
	card   = inventory.MAC{0x52, 0x54, 0, 0, 0, 9}
	other  = inventory.MAC{0x52, 0x54, 0, 0, 0, 0xaa}
	ids    = [questions]dhcpv4.TransactionID{{1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}}
	server = netip.MustParseAddr("10.77.0.2")
)

// reply is the frame of an answer to a question.
func reply(t *testing.T, q question, from netip.Addr, change func(*dhcpv4.DHCPv4)) []byte {
	t.Helper()
	req, err := dhcpv4.FromBytes(discover(q, probe, ids[q]))
	if err != nil {
		t.Fatal(err)
	}
	p, err := dhcpv4.NewReplyFromRequest(req, dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer))
	if err != nil {
		t.Fatal(err)
	}
	p.UpdateOption(dhcpv4.OptServerIdentifier(from.AsSlice()))
	if change != nil {
		change(p)
	}
	f := frame(other, p.ToBytes())
	src := from.As4()
	copy(f[etherLen+12:], src[:])
	binary.BigEndian.PutUint16(f[etherLen+ipLen:], serverPort)
	binary.BigEndian.PutUint16(f[etherLen+ipLen+2:], clientPort)
	return f
}

func gives(addr string) func(*dhcpv4.DHCPv4) {
	return func(p *dhcpv4.DHCPv4) {
		p.YourIPAddr = net.ParseIP(addr)
		p.ServerIPAddr = server.AsSlice() // as dnsmasq does, with nothing to boot
		p.UpdateOption(dhcpv4.OptRouter(net.IPv4(10, 77, 0, 254)))
	}
}

func boots(p *dhcpv4.DHCPv4) {
	p.UpdateOption(dhcpv4.OptClassIdentifier("PXEClient"))
	p.UpdateOption(dhcpv4.OptBootFileName("pxelinux.0"))
}

// TestAnswerers: a server's role follows from all its answers.
func TestAnswerers(t *testing.T) {
	type answer struct {
		q      question
		change func(*dhcpv4.DHCPv4)
	}
	both := func(fs ...func(*dhcpv4.DHCPv4)) func(*dhcpv4.DHCPv4) {
		return func(p *dhcpv4.DHCPv4) {
			for _, f := range fs {
				f(p)
			}
		}
	}
	relayed := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = net.IPv4(10, 77, 0, 253) }
	evil := func(p *dhcpv4.DHCPv4) { p.BootFileName = "a\x1b[2Jb" }
	for name, tc := range map[string]struct {
		answers []answer
		kind    Kind
		text    string
	}{
		"addresses only": {
			[]answer{{asPlain, gives("10.77.0.50")}, {asBIOS, gives("10.77.0.50")}, {asUEFI, gives("10.77.0.50")}},
			Server,
			"10.77.0.2 (52:54:00:00:00:aa): gives addresses (10.77.0.50), nothing to boot, router 10.77.0.254",
		},
		"boots firmware alone": {
			[]answer{{asPlain, gives("10.77.0.50")}, {asUEFI, both(gives("10.77.0.50"), boots)}},
			BootServer,
			`10.77.0.2 (52:54:00:00:00:aa): gives addresses (10.77.0.50), router 10.77.0.254, boot file "pxelinux.0", option 60 PXEClient`,
		},
		"boot options first": {
			[]answer{{asUEFI, boots}, {asPlain, gives("10.77.0.50")}},
			BootServer,
			`10.77.0.2 (52:54:00:00:00:aa): gives addresses (10.77.0.50), router 10.77.0.254, boot file "pxelinux.0", option 60 PXEClient`,
		},
		"proxy": {
			[]answer{{asBIOS, boots}, {asUEFI, boots}},
			PXE,
			`10.77.0.2 (52:54:00:00:00:aa): gives no addresses, boot file "pxelinux.0", option 60 PXEClient`,
		},
		"relayed": {
			[]answer{{asPlain, both(gives("10.77.0.50"), relayed)}},
			Server,
			"10.77.0.2 through the relay 10.77.0.253 (52:54:00:00:00:aa): gives addresses (10.77.0.50), nothing to boot, router 10.77.0.254",
		},
		"a boot file for the terminal": {
			[]answer{{asPlain, both(gives("10.77.0.50"), evil)}},
			BootServer,
			`10.77.0.2 (52:54:00:00:00:aa): gives addresses (10.77.0.50), router 10.77.0.254, boot file "a?[2Jb"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var offers []offer
			for _, a := range tc.answers {
				o, err := parse(reply(t, a.q, server, a.change), ids)
				if err != nil {
					t.Fatal(err)
				}
				offers = append(offers, o)
			}
			got := answerers(offers)
			if len(got) != 1 {
				t.Fatalf("%d servers, want 1: %v", len(got), got)
			}
			if got[0].Kind != tc.kind || got[0].Text() != tc.text {
				t.Errorf("got  %s %s\nwant %s %s", got[0].Kind, got[0].Text(), tc.kind, tc.text)
			}
		})
	}
}

// TestOwn: our own answer is known by our addresses, and a liar's is not.
func TestOwn(t *testing.T) {
	mine := netip.MustParseAddr("10.77.0.1")
	answers := []Answerer{{Server: mine, Source: mine}, {Server: server, Source: server}, {Server: mine, Source: server}}
	Own(answers, mine)
	for i, want := range []bool{true, false, false} {
		if answers[i].Ours != want {
			t.Errorf("%v: ours is %v", answers[i], answers[i].Ours)
		}
	}
}

// TestParseRefuses packets that don't answer our questions.
func TestParseRefuses(t *testing.T) {
	good := reply(t, asPlain, server, gives("10.77.0.50"))
	change := func(f func(b []byte)) []byte {
		b := bytes.Clone(good)
		f(b)
		return b
	}
	for name, f := range map[string][]byte{
		"empty":           nil,
		"IPv6":            change(func(b []byte) { b[12] = 0x86 }),
		"TCP":             change(func(b []byte) { b[etherLen+9] = 6 }),
		"a fragment":      change(func(b []byte) { b[etherLen+6] = 0x20 }),
		"too long a head": change(func(b []byte) { b[etherLen] = 0x4f; b[etherLen+2], b[etherLen+3] = 0, 60 }),
		"cut off":         good[:100],
		"another port":    change(func(b []byte) { b[etherLen+ipLen+3] = 99 }),
		"another id":      change(func(b []byte) { b[etherLen+ipLen+udpLen+4] = 99 }),
		"a question":      frame(other, discover(asPlain, probe, ids[0])),
	} {
		if o, err := parse(f, ids); err == nil {
			t.Errorf("%s: taken as %+v", name, o)
		}
	}
	if _, err := parse(append(bytes.Clone(good), 0, 0, 0), ids); err != nil {
		t.Errorf("with the padding of a frame: %v", err)
	}
}

// TestParseOddOffers: a server that puts options into the header's fields, or forgets the
// End, still counts as a server.
func TestParseOddOffers(t *testing.T) {
	const head = etherLen + ipLen + udpLen
	good := reply(t, asPlain, server, gives("10.77.0.50"))
	last := bytes.LastIndexByte(good, 255)
	options := bytes.Clone(good[head+240 : last])
	resized := func(b []byte) []byte {
		binary.BigEndian.PutUint16(b[etherLen+2:], uint16(len(b)-etherLen))
		return b
	}
	inFile := append(bytes.Clone(good[:head+240]), 52, 1, 1, 255)
	copy(inFile[head+108:], append(bytes.Clone(options), 255))
	for name, f := range map[string][]byte{
		"no End":          resized(bytes.Clone(good[:last])),
		"cut off":         resized(append(bytes.Clone(good[:last]), 15, 40, 'x')),
		"options in file": resized(inFile),
	} {
		o, err := parse(f, ids)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := answerers([]offer{o}); len(got) != 1 || got[0].Server != server || !strings.Contains(got[0].Text(), "10.77.0.50") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(frame(other, discover(asUEFI, probe, ids[0])))
	req, err := dhcpv4.FromBytes(discover(asPlain, probe, ids[0]))
	if err != nil {
		f.Fatal(err)
	}
	p, err := dhcpv4.NewReplyFromRequest(req, dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer))
	if err != nil {
		f.Fatal(err)
	}
	b := frame(other, p.ToBytes())
	binary.BigEndian.PutUint16(b[etherLen+ipLen+2:], clientPort)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parse(b, ids)
		if err != nil {
			return
		}
		for _, a := range answerers([]offer{o}) {
			if strings.ContainsFunc(a.Text(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("unprintable: %q", a.Text())
			}
		}
	})
}

// TestDiscover holds the questions against bytes that were checked by hand (RFC
// 2131 section 2, RFC 4578).
func TestDiscover(t *testing.T) {
	p, err := dhcpv4.FromBytes(discover(asUEFI, probe, ids[2]))
	if err != nil {
		t.Fatal(err)
	}
	if !p.IsBroadcast() || p.ClientHWAddr.String() != probe.String() || p.TransactionID != ids[2] {
		t.Errorf("header: %s", p.Summary())
	}
	for code, want := range map[uint8]string{
		53: "01", 93: "0007", 94: "010310", 97: "0000000000000000000000000000000000",
		60: hex.EncodeToString([]byte("PXEClient:Arch:00007:UNDI:003016")),
	} {
		if got := hex.EncodeToString(p.Options.Get(dhcpv4.GenericOptionCode(code))); got != want {
			t.Errorf("option %d is %s, want %s", code, got, want)
		}
	}
	if p, err = dhcpv4.FromBytes(discover(asPlain, probe, ids[0])); err != nil || p.Options.Has(dhcpv4.OptionClassIdentifier) || p.Options.Has(dhcpv4.OptionClientSystemArchitectureType) {
		t.Errorf("a plain client calls itself firmware: %v %v", p, err)
	}
	f := frame(card, discover(asPlain, probe, ids[0]))
	if got := hex.EncodeToString(f[:14]); got != "ffffffffffff"+"525400000009"+"0800" {
		t.Errorf("Ethernet header %s", got)
	}
	if checksum(f[etherLen:etherLen+ipLen]) != 0 {
		t.Error("the IP header's checksum is wrong")
	}
}

// TestFilter runs the kernel's filter over frames.
func TestFilter(t *testing.T) {
	program, err := filter()
	if err != nil {
		t.Fatal(err)
	}
	insts, all := bpf.Disassemble(program)
	if !all {
		t.Fatal("not all of it can be read back")
	}
	vm, err := bpf.NewVM(insts)
	if err != nil {
		t.Fatal(err)
	}
	good := reply(t, asPlain, server, nil)
	arp := bytes.Clone(good)
	arp[13] = 6
	tcp := bytes.Clone(good)
	tcp[etherLen+9] = 6
	fragment := bytes.Clone(good)
	fragment[etherLen+7] = 8
	options := append(bytes.Clone(good[:etherLen+ipLen]), append(make([]byte, 4), good[etherLen+ipLen:]...)...)
	options[etherLen] = 0x46
	for name, tc := range map[string]struct {
		frame []byte
		pass  bool
	}{
		"an answer": {good, true}, "with IP options": {options, true},
		"a question": {frame(card, discover(asPlain, probe, ids[0])), false},
		"ARP":        {arp, false}, "TCP": {tcp, false}, "a later fragment": {fragment, false}, "short": {good[:20], false},
	} {
		n, err := vm.Run(tc.frame)
		if err != nil {
			t.Fatal(err)
		}
		if (n > 0) != tc.pass {
			t.Errorf("%s: passes is %v", name, n > 0)
		}
	}
}

func TestMAC(t *testing.T) {
	m, err := MAC(bytes.NewReader([]byte{0xff, 1, 2, 3, 4, 5}))
	if err != nil || m != (inventory.MAC{0xfe, 1, 2, 3, 4, 5}) {
		t.Errorf("%s, %v", m, err)
	}
	if m, err = MAC(bytes.NewReader(make([]byte, 6))); err != nil || m[0] != 2 {
		t.Errorf("%s, %v", m, err)
	}
}
