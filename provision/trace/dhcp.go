package trace

import (
	"net/netip"

	"rackhand/inventory"
)

// A DHCP is a DHCP packet, and the decision about it.
type DHCP struct {
	Sent bool // by the appliance
	// Box is the client's hardware address (chaddr).
	Box inventory.MAC
	// Packet is the UDP datagram's content. It isn't copied.
	Packet []byte
	// From and To are the addresses of the packet, as far as they are known. Hardware
	// addresses: the client's own unless a relay is between, and the appliance's.
	From, To Endpoint
	// Client is the kind of program that asks; "" when it wasn't recognised.
	Client string
	// Verdict is the decision about a packet that came: a constant such as "offered" or "not
	// answered". Why and Err say why. For a packet that was sent, Err says why it wasn't.
	Verdict, Why string
	Err          error
	Address      IPv4 // that the client gets; zero for none
}

// An IPv4 is an IPv4 address; zero when unknown. Without pointers, a hundred thousand kept
// packets cost the garbage collector little.
type IPv4 [4]byte

// IPv4Of converts an address. One that is invalid or isn't IPv4 becomes zero.
func IPv4Of(a netip.Addr) (ip IPv4) {
	if a = a.Unmap(); a.Is4() {
		ip = a.As4()
	}
	return ip
}

func (a IPv4) known() bool { return a != IPv4{} }

// String is the dotted form.
func (a IPv4) String() string { return netip.AddrFrom4(a).String() }

// An Endpoint is one side of a packet.
type Endpoint struct {
	MAC  inventory.MAC
	IP   IPv4
	Port uint16
}

// String is the address with its port.
func (e Endpoint) String() string { return netip.AddrPortFrom(netip.AddrFrom4(e.IP), e.Port).String() }

// yiaddrAt is where a packet has the address that the client gets (RFC 2131 section 2).
const yiaddrAt = 16

func (d DHCP) who() (inventory.MAC, netip.Addr) {
	if d.Sent && len(d.Packet) >= yiaddrAt+4 {
		return d.Box, netip.AddrFrom4([4]byte(d.Packet[yiaddrAt:]))
	}
	return d.Box, netip.Addr{}
}

func (d DHCP) size() int { return 144 + cap(d.Packet) + len(d.Why) + sizeOf(d.Err) }

// Dropped is the verdict about a packet that can't be a client's, or is one too many.
const Dropped = "dropped"

// again: each packet is of interest, but for those of a client in a loop.
func (d DHCP) again(f Fact) bool {
	before, ok := f.(DHCP)
	return ok && d.Verdict == Dropped && before.Verdict == Dropped && d.Err == nil && before.Err == nil && d.Why == before.Why
}

func (d DHCP) tell(l *Line) {
	l.Kind, l.Sent = "dhcp", d.Sent
	l.Frame = d.frame()
	p := d.describe(l)
	if d.Client != "" {
		field(l, "client", d.Client)
	}
	if d.Address.known() {
		field(l, "address", d.Address.String())
	}
	field(l, "why", d.Why)
	l.Text = p.String()
	if d.Sent {
		if d.Err != nil {
			l.Text += ": not sent: " + d.Err.Error()
		}
		return
	}
	if d.Verdict == "" {
		return
	}
	field(l, "verdict", d.Verdict)
	l.Text += ": " + d.Verdict
	if d.Address.known() {
		l.Text += " " + d.Address.String()
	}
	if d.Why != "" {
		l.Text += ": " + d.Why
	}
	if d.Err != nil {
		field(l, "error", d.Err.Error())
		l.Text += ": " + d.Err.Error()
	}
}
