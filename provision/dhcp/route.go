package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// A destination is where a reply goes.
type destination struct {
	// to is the UDP address. When frame is set, the reply is sent as an Ethernet frame to
	// the client's hardware address, because the client has no address yet and answers no
	// ARP, or has one on our link (has). So the kernel never queues a reply to an address
	// that no machine has.
	to         netip.AddrPort
	frame, has bool
	mac        inventory.MAC
}

// route decides where a reply goes (RFC 2131 section 4.1). A client whose ciaddr is outside
// its network's subnet isn't reachable there: the address belongs to another machine.
// server is our own address, which shows whether the client is on our link.
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
