package flood

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// tries are how long a box waits for an answer before it asks again: like firmware, but a
// bit faster.
var tries = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

// A Box is a host of the inventory that wants its address.
type Box struct {
	Link
	MAC     net.HardwareAddr
	Address netip.Addr
	Relay   netip.Addr // its relay, for exchanges through one
	conn    *packet.Conn
	rand    *rand.Rand
}

// Open opens a box's socket on an interface, which must be promiscuous, since several boxes
// share it. The socket receives only the server's packets.
func (b *Box) Open(ifname string, r *rand.Rand) error {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	from := b.Server.As4()
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 26, Size: 4}, // the IPv4 source
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(from[0])<<24 | uint32(from[1])<<16 | uint32(from[2])<<8 | uint32(from[3]), SkipTrue: 3},
		bpf.LoadAbsolute{Off: 23, Size: 1}, // the protocol
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 17, SkipTrue: 1},
		bpf.RetConstant{Val: 4096},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	b.rand = r
	b.conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_IP, &packet.Config{Filter: filter})
	return err
}

// Close closes the socket.
func (b *Box) Close() error { return b.conn.Close() }

// An Exchange is a kind of exchange between a box and the server.
type Exchange int

// The exchanges.
const (
	Join    Exchange = iota // DISCOVER, REQUEST
	Rebind                  // REQUEST of a box with an address; the answer goes to that address
	Relayed                 // Join through a relay on the same link
	exchanges
)

// Do runs an exchange; took is the time until its last answer.
func (b *Box) Do(x Exchange) (took time.Duration, err error) {
	began := time.Now()
	switch x {
	case Rebind:
		_, err = b.ask(dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck, x, dhcpv4.WithClientIP(b.Address.AsSlice()))
	default:
		var offer *dhcpv4.DHCPv4
		if offer, err = b.ask(dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeOffer, x); err != nil {
			break
		}
		_, err = b.ask(dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck, x,
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(b.Server.AsSlice())),
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)))
	}
	return time.Since(began), err
}

// ask sends a message until it is answered, or all tries have failed.
func (b *Box) ask(kind, want dhcpv4.MessageType, x Exchange, with ...dhcpv4.Modifier) (*dhcpv4.DHCPv4, error) {
	if x == Relayed {
		with = append(with, dhcpv4.WithGatewayIP(b.Relay.AsSlice()))
	}
	p := packetOf(b.MAC, kind, b.rand, with...)
	for _, wait := range tries {
		if err := b.send(p, x); err != nil {
			return nil, err
		}
		got, err := b.hear(p.TransactionID, time.Now().Add(wait))
		if err != nil {
			return nil, err
		}
		switch {
		case got == nil:
			continue
		case got.MessageType() != want:
			return nil, fmt.Errorf("%s was answered by %s", kind, got.MessageType())
		case want == dhcpv4.MessageTypeAck && !got.YourIPAddr.Equal(b.Address.AsSlice()):
			return nil, fmt.Errorf("%s got %s", b.Address, got.YourIPAddr)
		}
		return got, nil
	}
	return nil, fmt.Errorf("%s: %s %w", b.MAC, kind, errSilent)
}

var errSilent = errors.New("was not answered")

func (b *Box) send(p *dhcpv4.DHCPv4, x Exchange) error {
	from, to := netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.AddrPortFrom(everyone, 67)
	switch x {
	case Rebind:
		from = netip.AddrPortFrom(b.Address, 68)
	case Relayed:
		from, to = netip.AddrPortFrom(b.Relay, 67), netip.AddrPortFrom(b.Server, 67)
	}
	_, err := b.conn.WriteTo(Frame(b.MAC, BroadcastMAC, from, to, p.ToBytes()), &packet.Addr{HardwareAddr: BroadcastMAC})
	return err
}

// hear waits for the answer to a message; nil when none came.
func (b *Box) hear(xid dhcpv4.TransactionID, until time.Time) (*dhcpv4.DHCPv4, error) {
	if err := b.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	for {
		n, _, err := b.conn.ReadFrom(buf)
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if n < 42 {
			continue
		}
		if p, err := dhcpv4.FromBytes(buf[42:n]); err == nil && p.TransactionID == xid && p.OpCode == dhcpv4.OpcodeBootReply {
			return p, nil
		}
	}
}
