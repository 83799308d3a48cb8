package trace

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

func packet(kind dhcpv4.MessageType, change ...dhcpv4.Modifier) []byte {
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithHwAddr(web1.HardwareAddr()), dhcpv4.WithMessageType(kind), dhcpv4.WithTransactionID(dhcpv4.TransactionID{1, 2, 3, 4}),
	}, change...)...)
	if err != nil {
		panic(err)
	}
	return p.ToBytes()
}

func option(code uint8, value string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), []byte(value)))
}

var (
	fromBox   = Endpoint{web1, IPv4{}, 68}
	toAll     = Endpoint{inventory.MAC{255, 255, 255, 255, 255, 255}, IPv4{255, 255, 255, 255}, 67}
	appliance = Endpoint{inventory.MAC{2, 0, 0, 0, 0, 9}, IPv4{10, 77, 0, 1}, 67}
	toBox     = Endpoint{web1, IPv4{10, 77, 0, 130}, 68}
)

// facts is one of each kind, with the words for it.
func facts() map[string]Fact {
	pxe := packet(
		dhcpv4.MessageTypeDiscover, option(60, "PXEClient:Arch:00007:UNDI:003001"), option(93, "\x00\x07"), option(50, "\x0a\x4d\x00\x82"),
		option(82, "\x01\x05Eth 7\x02\x02\x00\x01"), dhcpv4.WithRelay([]byte{10, 78, 0, 254}), func(p *dhcpv4.DHCPv4) { p.NumSeconds = 34 },
	)
	request := packet(dhcpv4.MessageTypeRequest, option(54, "\x0a\x4d\x00\x05"), option(50, "\x0a\x4d\x00\x82"), option(12, "web\x1b1"))
	offer := packet(
		dhcpv4.MessageTypeOffer, dhcpv4.WithYourIP([]byte{10, 77, 0, 130}), option(54, "\x0a\x4d\x00\x01"), option(51, "\x00\x00\x0e\x10"),
		dhcpv4.WithServerIP([]byte{10, 77, 0, 1}), func(p *dhcpv4.DHCPv4) { p.BootFileName = "ipxe.efi" },
	)
	nak := packet(dhcpv4.MessageTypeNak, option(54, "\x0a\x4d\x00\x01"), option(56, "10.9.9.9 is not your address here"))
	return map[string]Fact{
		`DISCOVER by PXE (x64 UEFI), asks for 10.77.0.130, 34 s after its start, vendor class "PXEClient:Arch:00007:UNDI:003001", through relay 10.78.0.254, circuit "Eth 7", remote "0001": offered 10.77.0.130: web1 is armed`: DHCP{
			Box: web1, Packet: pxe, Client: "PXE", From: fromBox, To: toAll, Verdict: "offered", Address: IPv4Of(at130), Why: "web1 is armed",
		},
		`REQUEST by a system's client, asks for 10.77.0.130, names server 10.77.0.5, host name "7765621b31": not answered: it names another server`: DHCP{
			Box: web1, Packet: request, Client: "other", From: fromBox, To: toAll, Verdict: "not answered", Why: "it names another server",
		},
		`OFFER of 10.77.0.130, server 10.77.0.1, lease 1 h, boot file "ipxe.efi", next server 10.77.0.1, to 10.77.0.130:68`: DHCP{
			Sent: true, Box: web1, Packet: offer, From: appliance, To: toBox,
		},
		`NAK, server 10.77.0.1, "10.9.9.9 is not your address here", to 255.255.255.255:67: not sent: no buffer space`: DHCP{
			Sent: true, Box: web1, Packet: nak, From: appliance, To: toAll, Err: errors.New("no buffer space"),
		},
		`a packet of 3 bytes that can't be read as DHCP: dropped: too short`: DHCP{
			Box: web1, Packet: []byte("abc"), From: fromBox, To: toAll, Verdict: "dropped", Err: errors.New("too short"),
		},
		`HTTP GET /image/debian12/vmlinuz: 200, 4096 bytes in 1.5s: broke off, 9000000 bytes were to come`: HTTP{
			Peer: at130, Method: "GET", Path: "/image/debian12/vmlinuz", Status: 200, Bytes: 4096, Size: 9_000_000, Took: 1500 * time.Millisecond,
		},
		`agent POST /v1/enrol: 403, 10 bytes in 2ms: refused`: HTTP{
			Peer: at130, Agent: true, Method: "POST", Path: "/v1/enrol", Status: 403, Bytes: 10, Size: 10, Took: 2 * time.Millisecond, Said: "refused",
		},
		`TFTP asks for "ipxe.efi", 1000 bytes`:                      TFTP{Peer: at130, Name: "ipxe.efi", Result: TFTPBegan, Size: 1000},
		`TFTP "ipxe.efi" sent, 1000 bytes in 5ms`:                   TFTP{Peer: at130, Name: "ipxe.efi", Result: TFTPSent, Size: 1000, Bytes: 1000, Took: 5 * time.Millisecond},
		`TFTP "ipxe.efi" stopped after 0 of 1000 bytes: timeout`:    TFTP{Peer: at130, Name: "ipxe.efi", Result: TFTPStopped, Size: 1000, Err: errors.New("timeout")},
		`TFTP asks for "ipxe.efi" again while it is being answered`: TFTP{Peer: at130, Name: "ipxe.efi", Result: TFTPRepeated},
		`TFTP asks for "nosuch": refused: file not found`:           TFTP{Peer: at130, Name: "nosuch", Result: TFTPRefused, Err: errors.New("file not found")},
		`ICMP echo asks which machine has 10.77.0.130`:              Probe{Box: web1, Address: at130, Routed: true},
		`BMC 10.77.0.9: switch on in 2s: no answer`:                 BMC{Box: web1, Address: netip.MustParseAddr("10.77.0.9"), Command: "switch on", Took: 2 * time.Second, Err: errors.New("no answer")},
		`TFTP asks for "…": refused: no file …`:                     TFTP{Peer: at130, Name: "…", Result: TFTPRefused, Err: errors.New("no file aB3dEfGh1JkLmN0pQrStUvWxYz234567")},
		`syslog: a line of its log`:                                 Log{Peer: at130},
	}
}

func TestWords(t *testing.T) {
	for want, f := range facts() {
		l := newLab()
		l.Record(f)
		lines := l.Lines([]inventory.MAC{web1}, 0)
		if len(lines) != 1 || lines[0].Text != want {
			t.Errorf("got  %+v\nwant %s", lines, want)
		}
	}
}

// TestFrames reads the frames of all packets: their headers lead to the same packet.
func TestFrames(t *testing.T) {
	l := newLab()
	for _, f := range facts() {
		l.Record(f)
	}
	n := 0
	for _, x := range l.Lines([]inventory.MAC{web1}, 0) {
		if x.Kind != "dhcp" {
			continue
		}
		n++
		p := gopacket.NewPacket(x.Frame, layers.LayerTypeEthernet, gopacket.Default)
		udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok || len(udp.Payload) != int(udp.Length)-8 || udp.DstPort != 67 && udp.DstPort != 68 {
			t.Errorf("%v", p)
		}
	}
	if n != 5 {
		t.Errorf("%d packets", n)
	}
}

// FuzzLine puts packets of any content into words: printable ones, of bounded length, and
// whatever the packet holds, without tokens.
func FuzzLine(f *testing.F) {
	for _, x := range facts() {
		if d, ok := x.(DHCP); ok {
			f.Add(d.Packet, d.Sent)
		}
	}
	f.Add([]byte(packet(dhcpv4.MessageTypeOffer, option(67, "http://a/i/secret/ks?secret"))), true)
	f.Fuzz(func(t *testing.T, packet []byte, sent bool) {
		l := newLab()
		l.Record(DHCP{Sent: sent, Box: web1, Packet: packet, Client: "PXE", From: fromBox, To: toAll, Verdict: "offered"})
		lines := l.Lines([]inventory.MAC{web1}, 0)
		if len(lines) != 1 {
			t.Fatal(lines)
		}
		text := lines[0].Text
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 16*textMost {
			t.Errorf("%d bytes: %q", len(text), text)
		}
		if len(packet) <= 65000 && !bytes.Contains(lines[0].Frame, packet) {
			t.Error("the frame lacks the packet")
		}
	})
}
