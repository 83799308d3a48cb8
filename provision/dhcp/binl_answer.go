package dhcp

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
)

// answerBINL takes one packet that came to port 4011. The reply goes back to the packet's
// source. That source address selects the network. Clients of an authoritative network are
// not answered, since they have no reason to ask here: EDK2 asks after offers that say
// PXEClient, and our offers don't.
func (s *Server) answerBINL(ctx context.Context, packet []byte, from netip.AddrPort) outcome {
	req, err := s.read(datagram{payload: packet, from: from.Addr(), unicast: true})
	if err != nil {
		return dropped(err)
	}
	c, snap := req.client, s.Snapshot()
	n := proxied(snap, from.Addr())
	if n == nil || from.Addr() == s.ServerAddr || (c.kind != boot.PXE && c.kind != boot.IPXE) || !asksBINL(req.message) {
		return c.unanswered("port 4011 answers clients that boot, on networks with another DHCP server", nil)
	}
	v := s.proxyView(snap, n, c)
	s.noticeUnclaimed(v)
	var ok bool
	if v.decision, ok = s.decide(ctx, snap, v); !ok {
		return c.unanswered("there is no decision about its boot: see the appliance's log", nil)
	}
	ack := v.binlAck(req)
	if ack == nil {
		return c.unanswered(v.decision.Why, nil)
	}
	s.noticeBINL(v, from.Addr())
	return outcome{reply: ack.ToBytes(), note: note{verdict: "acknowledged", why: v.decision.Why, client: c.kind.String()}}
}

// proxied is the network of an address where we are a proxy; nil otherwise.
func proxied(snap *inventory.Snapshot, addr netip.Addr) *inventory.Network {
	if snap == nil {
		return nil
	}
	if n := snap.NetworkOf(addr); n != nil && n.Mode() == inventory.DHCPProxy && n.Subnet.Addr().Is4() {
		return n
	}
	return nil
}

// asksBINL reports whether a message type asks for a boot file here. The specification
// names REQUEST; DISCOVER and INFORM can have no other meaning on this port.
func asksBINL(t dhcpv4.MessageType) bool {
	return t == dhcpv4.MessageTypeRequest || t == dhcpv4.MessageTypeInform || t == dhcpv4.MessageTypeDiscover
}

// noticeBINL records, once a minute, which boot file a client got on port 4011.
func (s *Server) noticeBINL(v view, from netip.Addr) {
	if !s.mayReport("binl", v, v.client.mac.String()) {
		return
	}
	file := v.bootFile()
	v.address = from
	e := provision.Event{Host: v.subject(), Kind: "binl", Fields: v.fields()}
	e.Fields["file"] = file
	e.Message = fmt.Sprintf("asked on port 4011 (%s): %s", v.client.kind, v.decision.Why)
	if v.decision.Action == boot.InstallIt {
		e.Stage = provision.Addressed
	}
	s.record(e)
}
