package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// A destination is where a reply goes.
type destination struct {
	// to is the UDP address. When frame is set, the reply goes as a frame of our own to the
	// client's hardware address: it has no address yet and answers no ARP, or has one on
	// our link (has). Then nothing waits in the kernel for whoever names an address that
	// nobody has.
	to         netip.AddrPort
	frame, has bool
	mac        inventory.MAC
}

// route says where a reply goes (RFC 2131 section 4.1). A client that calls an address its
// own that lies in no subnet of its network can't be reached there: it is somebody else's.
// server is our own address, which tells whether the client is on our link.
func route(req request, reply *dhcpv4.DHCPv4, subnet netip.Prefix, server netip.Addr) destination {
	everyone := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	relay, ciaddr, mac := req.client.relay.addr, req.ciaddr, req.client.mac
	switch {
	case relay.IsValid():
		return destination{to: netip.AddrPortFrom(relay, dhcpv4.ServerPort)}
	case messageType(reply) == dhcpv4.MessageTypeNak:
		return destination{to: netip.AddrPortFrom(everyone, dhcpv4.ClientPort)}
	case subnet.Contains(ciaddr):
		return destination{to: netip.AddrPortFrom(ciaddr, dhcpv4.ClientPort), frame: subnet.Contains(server), has: true, mac: mac}
	case req.packet.IsBroadcast():
		return destination{to: netip.AddrPortFrom(everyone, dhcpv4.ClientPort)}
	}
	return destination{to: netip.AddrPortFrom(addrOf(reply.YourIPAddr), dhcpv4.ClientPort), frame: true, mac: mac}
}
