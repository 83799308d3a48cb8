package dhcp

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A request is a packet from a client, of any message type. It is read once; an
// address that the packet doesn't name is invalid.
type request struct {
	packet    *dhcpv4.DHCPv4 // for what a reply copies from it
	client    client
	message   dhcpv4.MessageType // option 53
	ciaddr    netip.Addr         // the address that the client has and uses
	requested netip.Addr         // option 50
	// server is option 54, which namesServer reports: it is invalid, too, when the option
	// isn't an IPv4 address.
	server      netip.Addr
	namesServer bool
}

// read reads the packet of a datagram. One that can't be answered is reported.
func (s *Server) read(d datagram) (request, error) {
	req, err := s.readPacket(d.payload)
	if err != nil {
		s.badPacket(d.payload, err)
	}
	return req, err
}

func (s *Server) readPacket(payload []byte) (request, error) {
	if len(payload) > maxPacket {
		return request{}, fmt.Errorf("it has more than %d bytes", maxPacket)
	}
	p, err := parse(payload)
	if err != nil {
		return request{}, err
	}
	req, err := readRequest(p)
	if err == nil && req.client.relay.addr == s.ServerAddr {
		err = errors.New("its relay has our own address")
	}
	return req, err
}

// readRequest reads a packet. The error says why its sender can't be a client of ours.
func readRequest(p *dhcpv4.DHCPv4) (request, error) {
	c, err := recognise(p)
	if err != nil {
		return request{}, err
	}
	id := p.Options.Get(dhcpv4.OptionServerIdentifier)
	return request{
		packet: p, client: c, message: messageType(p),
		ciaddr: addrOf(p.ClientIPAddr), requested: requestedAddr(p),
		server: addrOf(id), namesServer: id != nil,
	}, nil
}

// wanted is the address that the client asks for, or else the one that it has.
func (r *request) wanted() netip.Addr {
	if r.requested.IsValid() {
		return r.requested
	}
	return r.ciaddr
}
