package flood

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// TestKinds checks that each flood has the packets that its name says, with headers that a
// kernel accepts.
func TestKinds(t *testing.T) {
	l := Link{
		Server: netip.MustParseAddr("10.64.0.1"), Subnet: netip.MustParsePrefix("10.64.0.0/16"),
		Victim: net.HardwareAddr{2, 0, 0, 0, 0, 1}, VictimAddr: netip.MustParseAddr("10.64.1.1"),
	}
	want := map[string]func(*dhcpv4.DHCPv4) bool{
		"DISCOVER": func(p *dhcpv4.DHCPv4) bool {
			return p.MessageType() == dhcpv4.MessageTypeDiscover && p.GatewayIPAddr.IsUnspecified()
		},
		"REQUEST": func(p *dhcpv4.DHCPv4) bool {
			return p.MessageType() == dhcpv4.MessageTypeRequest && p.ServerIdentifier().Equal(l.Server.AsSlice())
		},
		"INFORM": func(p *dhcpv4.DHCPv4) bool {
			return p.MessageType() == dhcpv4.MessageTypeInform && !p.ClientIPAddr.IsUnspecified()
		},
		"option 82":        func(p *dhcpv4.DHCPv4) bool { return p.RelayAgentInfo() != nil && !p.GatewayIPAddr.IsUnspecified() },
		"relays":           func(p *dhcpv4.DHCPv4) bool { return p.RelayAgentInfo() == nil && !p.GatewayIPAddr.IsUnspecified() },
		"the victim's MAC": func(p *dhcpv4.DHCPv4) bool { return p.ClientHWAddr.String() == l.Victim.String() },
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range Kinds() {
		bad := 0
		for range 400 {
			f := k.Next(r, l)
			if len(f) < 42 || len(f) > 1514 || f[23] != 17 || int(f[16])<<8+int(f[17]) != len(f)-14 {
				t.Fatalf("%s: a frame of %d bytes", k.Name, len(f))
			}
			p, err := dhcpv4.FromBytes(f[42:])
			if err != nil {
				bad++
			} else if fits := want[k.Name]; fits != nil && !fits(p) {
				t.Fatalf("%s: %s", k.Name, p.Summary())
			}
		}
		if k.Name == "malformed" == (bad < 100) || k.Name != "malformed" && bad > 0 {
			t.Errorf("%s: %d of 400 can't be parsed", k.Name, bad)
		}
	}
}
