package dhcp

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
)

// A view holds everything that a reply depends on besides the request.
type view struct {
	server    netip.Addr         // our address
	serverID  netip.Addr         // the server identifier that a relay asks for (RFC 5107); invalid: our address
	network   *inventory.Network // the client's network
	client    client
	decision  boot.Decision
	bmcOf     *inventory.Host // the host whose BMC this is; nil for other clients
	address   netip.Addr      // the address that this client has or may get; invalid for none
	known     bool            // there is a record of the client, or we are the only server of its network
	renews    bool            // it has an address, which ciaddr names
	tries     int             // how many addresses offered to it turned out to be in use
	relay     *provision.Relay
	leaseTime time.Duration
	scriptURL func(inventory.MAC) string
	// tftpScriptURL is for an iPXE without HTTP; nil: scriptURL.
	tftpScriptURL func(inventory.MAC) string
	fileURL       func(program string) string
}

// A verdict is the decision about a request.
type verdict int

const (
	silent   verdict = iota // no answer: the request isn't for us, or there is no address to give
	offered                 // OFFER: hold the address
	acked                   // ACK: the lease is written first
	informed                // ACK of an INFORM: settings, no lease
	refused                 // NAK
	released                // the client gives its address back
	declined                // the client found another machine on its address
)

// plan decides about one request (RFC 2131 section 4.3). The reply is nil when none is
// sent. asked is the address that the client named; invalid for none.
func (v view) plan(req request) (does verdict, reply *dhcpv4.DHCPv4, asked netip.Addr) {
	ciaddr, requested := req.ciaddr, req.requested
	toUs, toOther := v.addressee(req)
	switch req.message {
	case dhcpv4.MessageTypeDiscover:
		if !v.address.IsValid() {
			return silent, nil, requested
		}
		return offered, v.grant(req.packet, dhcpv4.MessageTypeOffer), requested

	case dhcpv4.MessageTypeRequest:
		switch {
		case toOther:
			return silent, nil, requested // it took another server's offer
		case requested.IsValid():
			asked = requested // selecting, or init-reboot
		case ciaddr.IsValid():
			asked = ciaddr // renewing or rebinding
		default:
			return silent, nil, netip.Addr{}
		}
		if v.leftToOther(asked, toUs) {
			return silent, nil, asked
		}
		// A client that would get another address from us is refused at once, so that it
		// starts again.
		if asked != v.address {
			return refused, v.refuse(req.packet, asked), asked
		}
		return acked, v.grant(req.packet, dhcpv4.MessageTypeAck), asked

	case dhcpv4.MessageTypeInform:
		// The answer goes to ciaddr, so that must be an address of this network.
		if toOther || !v.network.Subnet.Contains(ciaddr) {
			return silent, nil, ciaddr
		}
		reply = v.skeleton(req.packet, dhcpv4.MessageTypeAck)
		v.configure(reply, req.packet)
		echo(reply, req.packet)
		return informed, reply, ciaddr

	case dhcpv4.MessageTypeRelease:
		if toOther || !ciaddr.IsValid() {
			return silent, nil, ciaddr
		}
		return released, nil, ciaddr

	case dhcpv4.MessageTypeDecline:
		if !toUs || !requested.IsValid() {
			return silent, nil, requested
		}
		return declined, nil, requested
	}
	return silent, nil, netip.Addr{}
}

// needsAddress reports whether a request asks us for an address.
func (v view) needsAddress(req request) bool {
	us, other := v.addressee(req)
	switch req.message {
	case dhcpv4.MessageTypeDiscover:
		return !other
	case dhcpv4.MessageTypeRequest:
		return !other && !v.leftToOther(req.requested, us)
	}
	return false
}

// leftToOther reports whether a REQUEST is left to the network's other server: it names no
// server, and we have no record of its sender. A REQUEST for an address of another network
// is refused all the same (RFC 2131 section 4.3.2, INIT-REBOOT).
func (v view) leftToOther(asked netip.Addr, toUs bool) bool {
	return !v.known && !toUs && (!asked.IsValid() || v.network.Subnet.Contains(asked))
}

// addressee reports whether option 54 names us, or another server.
func (v view) addressee(req request) (us, other bool) {
	if !req.namesServer {
		return false, false
	}
	us = req.server.IsValid() && (req.server == v.server || req.server == v.serverID)
	return us, !us
}

// grant builds an OFFER or an ACK.
func (v view) grant(req *dhcpv4.DHCPv4, kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := v.skeleton(req, kind)
	r.YourIPAddr = v.address.AsSlice()
	if kind == dhcpv4.MessageTypeAck {
		r.ClientIPAddr = req.ClientIPAddr // RFC 2131 table 3
	}
	v.setTimes(r)
	v.configure(r, req)
	v.setBoot(r)
	echo(r, req)
	return r
}

// refuse builds a NAK (RFC 2131 table 3: all addresses are zero).
func (v view) refuse(req *dhcpv4.DHCPv4, asked netip.Addr) *dhcpv4.DHCPv4 {
	r := v.skeleton(req, dhcpv4.MessageTypeNak)
	put(r, dhcpv4.OptionMessage, []byte(asked.String()+" is not your address here")) // 56
	if !req.GatewayIPAddr.IsUnspecified() {
		r.SetBroadcast() // the relay can't reach the client at its wrong address
	}
	return r
}

// skeleton builds the common part of all replies: the request's xid, hardware address,
// broadcast flag and giaddr, options 53 and 54, and copies of 61 and 82.
func (v view) skeleton(req *dhcpv4.DHCPv4, kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        req.HWType,
		TransactionID: req.TransactionID,
		Flags:         req.Flags & 0x8000, // the others must be zero
		GatewayIPAddr: req.GatewayIPAddr,
		ClientHWAddr:  req.ClientHWAddr,
		ClientIPAddr:  net.IPv4zero,
		YourIPAddr:    net.IPv4zero,
		ServerIPAddr:  net.IPv4zero,
		Options:       make(dhcpv4.Options, 16),
	}
	put(r, dhcpv4.OptionDHCPMessageType, []byte{byte(kind)})
	name := v.server
	if v.serverID.IsValid() {
		name = v.serverID
	}
	put(r, dhcpv4.OptionServerIdentifier, name.AsSlice())
	for _, code := range []dhcpv4.OptionCode{dhcpv4.OptionClientIdentifier, dhcpv4.OptionRelayAgentInformation} {
		if value := req.Options.Get(code); value != nil {
			put(r, code, value)
		}
	}
	return r
}

// addrOf converts an address of a packet. The zero address becomes invalid.
func addrOf(ip []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if a = a.Unmap(); !ok || !a.Is4() || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
