package dhcp

import (
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/trace"
)

// saidUnanswered is the decision about a packet that gets no answer.
const saidUnanswered = "not answered"

// A note is the decision about a packet, for a trace. Its texts are constants or exist
// already: nothing is formatted for it.
type note struct {
	verdict, why string
	err          error
	client       string
	address      netip.Addr // that the client gets; invalid for none
	probed       bool       // the network was asked which machine has the address: by ARP,
	routed       bool       // or by an ICMP echo through a router
}

// unanswered is the outcome of a packet that gets no answer.
func (c client) unanswered(why string, err error) outcome {
	return outcome{note: note{verdict: saidUnanswered, why: why, err: err, client: c.kind.String()}}
}

// dropped is the outcome of a packet that can't be a client's.
func dropped(err error) outcome { return outcome{note: note{verdict: trace.Dropped, err: err}} }

// note says what was decided. missing is why the client gets no address; nil for no reason.
func (v view) note(does verdict, req request, missing error) note {
	n := note{client: v.client.kind.String()}
	switch does {
	case silent:
		n.verdict, n.why, n.err = saidUnanswered, v.silence(req), missing
	case offered:
		n.verdict, n.why, n.address = "offered", v.decision.Why, v.address
	case acked:
		n.verdict, n.why, n.address = "acknowledged", v.decision.Why, v.address
	case informed:
		n.verdict = "answered"
	case refused:
		n.verdict, n.why = "refused", "it has another address on this network"
		if !v.address.IsValid() {
			n.why = "it has no address on this network"
		}
	case released:
		n.verdict = "released"
	case declined:
		n.verdict = "declined"
	}
	return n
}

// silence says why plan is silent about a request.
func (v view) silence(req request) string {
	toUs, toOther := v.addressee(req)
	switch {
	case toOther:
		return "it names another server"
	case req.message == dhcpv4.MessageTypeDiscover:
		return "it gets no address"
	case req.message == dhcpv4.MessageTypeInform:
		return "its address isn't of this network"
	case req.message == dhcpv4.MessageTypeDecline && !toUs:
		return "it doesn't name this server"
	case !req.wanted().IsValid():
		return "it names no address"
	case req.message == dhcpv4.MessageTypeRequest:
		return "the network has another server, and this one has no record of the client"
	}
	return "clients don't send this type of message to servers"
}

// traceReceived records a packet that came to a UDP port of this server, and the probe that
// it caused.
func (s *Server) traceReceived(d datagram, from netip.AddrPort, port uint16, n note) {
	if s.Trace == nil {
		return
	}
	mac := chaddr(d.payload)
	if d.tries == 0 { // another try is of the same packet
		f := trace.DHCP{
			Box: mac, Packet: d.payload, Client: n.client, Verdict: n.verdict, Why: n.why, Err: n.err, Address: trace.IPv4Of(n.address),
			From: endpoint(mac, from), To: endpoint(s.mac, netip.AddrPortFrom(s.ServerAddr, port)),
		}
		if relayedPacket(d.payload) {
			f.From.MAC = inventory.MAC{} // a router's, which isn't known
		}
		if !d.unicast {
			f.To = everyone(port)
		}
		s.Trace(f)
	}
	if n.probed {
		s.Trace(trace.Probe{Box: mac, Address: n.address, Routed: n.routed})
	}
}

// traceRequest records a packet that came to port 67.
func (s *Server) traceRequest(d datagram, n note) {
	port := uint16(dhcpv4.ClientPort)
	if relayedPacket(d.payload) {
		port = dhcpv4.ServerPort
	}
	s.traceReceived(d, netip.AddrPortFrom(d.from, port), dhcpv4.ServerPort, n)
}

// relayedPacket reports whether a packet has a relay's address (giaddr).
func relayedPacket(packet []byte) bool {
	const giaddrAt = 24
	return len(packet) >= giaddrAt+4 && [4]byte(packet[giaddrAt:]) != [4]byte{}
}

// traceSent records a reply from a UDP port of this server. err is why it wasn't sent.
func (s *Server) traceSent(p outgoing, port uint16, err error) {
	if s.Trace == nil {
		return
	}
	f := trace.DHCP{
		Sent: true, Box: chaddr(p.reply), Packet: p.reply, Err: err,
		From: endpoint(s.mac, netip.AddrPortFrom(s.ServerAddr, port)), To: endpoint(p.to.mac, p.to.to),
	}
	if all := everyone(p.to.to.Port()); f.To.IP == all.IP {
		f.To = all
	}
	s.Trace(f)
}

// traceAll records replies, some of which were not sent.
func (s *Server) traceAll(batch []outgoing, failed []unsent) {
	if s.Trace == nil {
		return
	}
	for _, p := range batch {
		var err error
		if i := slices.IndexFunc(failed, func(u unsent) bool { return &u.reply[0] == &p.reply[0] }); i >= 0 {
			err = failed[i].err
		}
		s.traceSent(p, dhcpv4.ServerPort, err)
	}
}

// An unsent is a reply that could not be sent.
type unsent struct {
	reply []byte
	err   error
}

func endpoint(mac inventory.MAC, at netip.AddrPort) trace.Endpoint {
	return trace.Endpoint{MAC: mac, IP: trace.IPv4Of(at.Addr()), Port: at.Port()}
}

// everyone is the destination of a broadcast.
func everyone(port uint16) trace.Endpoint {
	return trace.Endpoint{MAC: inventory.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, IP: trace.IPv4{255, 255, 255, 255}, Port: port}
}

func (s *Server) traceProbe(p trace.Probe) {
	if s.Trace != nil {
		s.Trace(p)
	}
}
