// Package flood simulates hosts that flood an appliance, and boxes that want their
// addresses and files meanwhile. Its tests start the real program in network namespaces: a
// second of each flood with the tag e2e, eight with the tag bench, which writes the table
// in docs/reliability.md. The package builds the packets, and shares no code with the
// server.
package flood

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A Link is the network that is flooded.
type Link struct {
	Server netip.Addr
	Subnet netip.Prefix // a /16
	Victim net.HardwareAddr
	// VictimAddr is the address of the victim.
	VictimAddr netip.Addr
}

// A Kind is one flood: Next builds its next frame.
type Kind struct {
	Name string
	Next func(r *rand.Rand, l Link) []byte
}

// Kinds are the floods of DHCP.
func Kinds() []Kind {
	return []Kind{
		{"DISCOVER", discovers},
		{"REQUEST", requests},
		{"INFORM", informs},
		{"malformed", malformed},
		{"option 82", option82},
		{"relays", relays},
		{"the victim's MAC", victims},
	}
}

func randomMAC(r *rand.Rand) net.HardwareAddr {
	mac := make(net.HardwareAddr, 6)
	binary.BigEndian.PutUint32(mac[2:], r.Uint32())
	mac[0] = 0x02
	return mac
}

// unusedAddress is an address of the link that no box of the tests has.
func (l Link) unusedAddress(r *rand.Rand) netip.Addr {
	a := l.Subnet.Addr().As4()
	a[2], a[3] = byte(200+r.IntN(50)), byte(1+r.IntN(250))
	return netip.AddrFrom4(a)
}

// relay is one of 250 relays that don't exist, in the server's own subnet. More would fill
// the kernel's table of neighbours, which all network namespaces of a machine share: other
// tests that run at this time would lose packets.
func (l Link) relay(r *rand.Rand) netip.Addr {
	a := l.Subnet.Addr().As4()
	a[2], a[3] = 250, byte(1+r.IntN(250))
	return netip.AddrFrom4(a)
}

func packetOf(mac net.HardwareAddr, kind dhcpv4.MessageType, r *rand.Rand, with ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	var xid dhcpv4.TransactionID
	binary.BigEndian.PutUint32(xid[:], r.Uint32())
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithTransactionID(xid), dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind),
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00007:UNDI:003016")),
		dhcpv4.WithGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 7}),
		dhcpv4.WithGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, 3, 16}),
	}, with...)...)
	if err != nil {
		panic(err) // only the system's random numbers can fail
	}
	return p
}

func discovers(r *rand.Rand, _ Link) []byte {
	mac := randomMAC(r)
	return Broadcast(mac, packetOf(mac, dhcpv4.MessageTypeDiscover, r).ToBytes())
}

// requests ask us for addresses without an offer.
func requests(r *rand.Rand, l Link) []byte {
	mac := randomMAC(r)
	return Broadcast(mac, packetOf(mac, dhcpv4.MessageTypeRequest, r,
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(l.Server.AsSlice())),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(l.unusedAddress(r).AsSlice()))).ToBytes())
}

// informs come from addresses without a machine, so that ARP gets no answer.
func informs(r *rand.Rand, l Link) []byte {
	mac, from := randomMAC(r), l.unusedAddress(r)
	p := packetOf(mac, dhcpv4.MessageTypeInform, r, dhcpv4.WithClientIP(from.AsSlice()))
	return Frame(mac, BroadcastMAC, netip.AddrPortFrom(from, 68), netip.AddrPortFrom(everyone, 67), p.ToBytes())
}

// malformed packets are cut off, have wrong lengths, or are noise.
func malformed(r *rand.Rand, _ Link) []byte {
	mac := randomMAC(r)
	b := packetOf(mac, dhcpv4.MessageTypeDiscover, r).ToBytes()
	switch r.IntN(4) {
	case 0:
		b = b[:r.IntN(len(b))]
	case 1:
		b = append(b[:243], 61, 255, 1) // an option that goes beyond the end
	case 2:
		b[r.IntN(len(b))], b[2] = byte(r.Uint32()), byte(r.Uint32())
	default:
		b = make([]byte, 1+r.IntN(1400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return Broadcast(mac, b)
}

// option82 is the data that relays add, invented: endless circuits, switches and links.
func option82(r *rand.Rand, l Link) []byte {
	mac := randomMAC(r)
	value := []byte{1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 6, 0, 0, 0, 0, 0, 0, 5, 4}
	binary.BigEndian.PutUint64(value[2:], r.Uint64())
	copy(value[12:], randomMAC(r))
	value = append(value, l.unusedAddress(r).AsSlice()...)
	return Broadcast(mac, packetOf(mac, dhcpv4.MessageTypeDiscover, r, dhcpv4.WithGatewayIP(l.relay(r).AsSlice()),
		dhcpv4.WithGeneric(dhcpv4.OptionRelayAgentInformation, value)).ToBytes())
}

// relays are relays that don't exist, in the server's own subnet.
func relays(r *rand.Rand, l Link) []byte {
	mac, relay := randomMAC(r), l.relay(r)
	p := packetOf(mac, dhcpv4.MessageTypeDiscover, r, dhcpv4.WithGatewayIP(relay.AsSlice()))
	return Frame(randomMAC(r), BroadcastMAC, netip.AddrPortFrom(relay, 67), netip.AddrPortFrom(l.Server, 67), p.ToBytes())
}

// victims are messages of all types in the name of one box.
func victims(r *rand.Rand, l Link) []byte {
	kinds := []dhcpv4.MessageType{
		dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeDecline, dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeInform,
	}
	return Broadcast(l.Victim, packetOf(l.Victim, kinds[r.IntN(len(kinds))], r,
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(l.Server.AsSlice())),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(l.VictimAddr.AsSlice()))).ToBytes())
}
