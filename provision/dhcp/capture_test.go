package dhcp

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

var update = flag.Bool("update", false, "write the golden files again")

// captured reads the DHCP packets of the capture: the DISCOVER and REQUEST of each kind of
// client, as real firmware sent them.
func captured(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open("testdata/firmware-dhcp.pcap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		udp, ok := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default).Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok {
			t.Fatalf("packet %d has no UDP", len(packets))
		}
		packets = append(packets, slices.Clone(udp.Payload))
	}
	if len(packets) != 18 {
		t.Fatalf("%d packets in the capture", len(packets))
	}
	return packets
}

// A replay is a rack that the captured packets are sent to, with a change that is made to
// them first. A packet for which change returns false isn't sent.
type replay struct {
	prepare func(*testServer)
	change  func(client, *dhcpv4.DHCPv4) bool
}

func armAll(b *testServer) {
	for host := range b.snap.Hosts {
		b.arm(host)
	}
}

// TestCapture replays packets of real clients: to a rack whose hosts are armed, one whose
// hosts boot their disks, and one with unclaimed boxes only. It replays them, too, through
// a relay that sends the port and a server identifier, and as from cards whose iPXE has no
// HTTP.
func TestCapture(t *testing.T) {
	asTheyCame := func(client, *dhcpv4.DHCPv4) bool { return true }
	for name, r := range map[string]replay{
		"armed":     {armAll, asTheyCame},
		"disk":      {func(*testServer) {}, asTheyCame},
		"unclaimed": {func(b *testServer) { b.snap.Hosts = map[string]*inventory.Host{} }, asTheyCame},
		"relayed": {armAll, func(_ client, p *dhcpv4.DHCPv4) bool {
			relayed("10.77.0.253")(p)
			raw(82, sub(1, "Gi1/0/12")+sub(2, "\x00\x06\xaa\xbb\xcc\x00\x00\x01")+sub(11, bytesOf("10.77.0.253")))(p)
			p.HopCount = 1
			return true
		}},
		"without-http": {armAll, func(c client, p *dhcpv4.DHCPv4) bool {
			if o := p.Options[175]; o != nil {
				at := bytes.Index(o, []byte{ipxeHTTP, 1, 1})
				o[at+2] = 0
			}
			return c.kind == boot.IPXE
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			for i, p := range captured(t) {
				b := newTestServer(t) // a server for each packet: the capture took days, with changing addresses
				r.prepare(b)
				replayOne(t, b, r, i+1, p, &out)
			}
			golden(t, "capture-"+name+".golden", out.String())
		})
	}
}

func replayOne(t *testing.T, b *testServer, r replay, number int, p []byte, out io.Writer) {
	req, err := dhcpv4.FromBytes(p)
	if err != nil {
		t.Fatal(err)
	}
	c, err := recognise(req)
	if err != nil {
		t.Fatal(err)
	}
	if !r.change(c, req) {
		return
	}
	fmt.Fprintf(out, "%d. %s from %s: %s, %s", number, req.MessageType(), c.mac, c.kind, c.arch)
	if asked := addrOf(req.RequestedIPAddress()); asked.IsValid() {
		fmt.Fprintf(out, ", asks for %s", asked)
	}
	fmt.Fprintf(out, "\n   60 %q\n", c.vendor)
	raw, to, ok := b.answer(context.Background(), req.ToBytes())
	if !ok {
		fmt.Fprintln(out, "   silence")
	} else {
		show(t, out, raw, to)
	}
	for _, e := range b.events {
		fmt.Fprintf(out, "   event %s %s %s%s: %s\n", e.Host, e.Kind, e.Stage, e.Level, e.Message)
		if place := e.Fields["circuit"]; place != "" {
			fmt.Fprintf(out, "     at %s on %s, through %s\n", place, e.Fields["remote"], e.Fields["relay"])
		}
	}
}

// show writes a reply as text: fields that aren't zero, and each option.
func show(t *testing.T, w io.Writer, raw []byte, to destination) {
	r, err := dhcpv4.FromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	how := "to"
	if to.frame {
		how = "as a frame to " + to.mac.String()
	}
	fmt.Fprintf(w, "   %s %s %s, yiaddr %s, siaddr %s, file %q, %d bytes\n", r.MessageType(), how, to.to, r.YourIPAddr, r.ServerIPAddr, r.BootFileName, len(raw))
	for _, o := range order(raw) {
		v := r.Options.Get(dhcpv4.GenericOptionCode(o))
		shown := hex.EncodeToString(v)
		if text := bytes.TrimRight(v, "\x00"); len(text) > 4 && !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			shown = fmt.Sprintf("%q", v)
		}
		fmt.Fprintf(w, "     %3d %s\n", o, shown)
	}
}

// order lists the options of a packet in the order of the wire.
func order(raw []byte) []byte {
	var codes []byte
	for b := raw[240:]; len(b) > 1 && b[0] != 255; b = b[2+int(b[1]):] {
		codes = append(codes, b[0])
	}
	return codes
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}
