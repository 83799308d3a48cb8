package dhcp

import (
	"context"
	"errors"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// answer takes one packet as it came and does everything but send: it returns
// the reply and where to. A lease that it acknowledges is on disk when it returns.
func (s *Server) answer(ctx context.Context, packet []byte) (reply []byte, to destination, ok bool) {
	req, err := dhcpv4.FromBytes(packet)
	if err != nil {
		s.badPacket(packet, err)
		return nil, to, false
	}
	c, err := recognise(req)
	if err != nil {
		s.badPacket(packet, err)
		return nil, to, false
	}
	snap := s.Snapshot()
	n := s.network(snap, req)
	if n == nil {
		s.Log.Debug("dhcp: asked from no network of the inventory", "mac", c.mac, "relay", req.GatewayIPAddr)
		return nil, to, false
	}
	if n.Mode() == inventory.DHCPProxy {
		return s.proxy(ctx, snap, n, c, req)
	}
	v := view{
		server: s.ServerAddr, network: n, client: c, leaseTime: s.LeaseTime,
		scriptURL: s.ScriptURL, fileURL: s.FileURL,
		decision: boot.Decision{Host: snap.HostByMAC(c.mac)},
	}
	_, elsewhere := v.addressee(req)
	asks := req.MessageType() == dhcpv4.MessageTypeDiscover || req.MessageType() == dhcpv4.MessageTypeRequest
	if asks && !elsewhere {
		v.address, err = s.choose(snap, v, req)
		s.noticeMissing(v, err)
		s.noticeUnclaimed(v)
		if v.decision, ok = s.decide(ctx, v); !ok {
			return nil, to, false
		}
	}
	does, msg, asked := v.plan(req)
	if !s.enact(ctx, v, does, asked) || msg == nil {
		return nil, to, false
	}
	s.Log.Debug("dhcp: answering", "mac", c.mac, "client", c.kind, "type", msg.MessageType(), "address", v.address, "asked", asked)
	return fit(msg, req), route(req, msg, c.mac), true
}

// decide asks what the client boots. It returns false when that can't be known
// now, for a client that boots: an address alone would send it to its disk.
func (s *Server) decide(ctx context.Context, v view) (boot.Decision, bool) {
	if v.decision.Host == nil || !v.address.IsValid() {
		return v.decision, true // nothing to boot, and above all nothing to arm
	}
	c := v.client
	// A second card, while the first holds the host's address, gets nothing to boot:
	// so it must not arm anything either.
	if v.address != v.decision.Host.Address {
		c.kind = boot.Other
	}
	d, err := s.Decide(ctx, boot.Request{MAC: c.mac, Arch: c.arch, Client: c.kind})
	if err != nil {
		s.Log.Error("dhcp: no decision", "mac", c.mac, "client", c.kind, "error", err)
		return v.decision, !c.kind.Boots()
	}
	if d.Host == nil { // the inventory was reloaded in between
		d = v.decision
	}
	return d, true
}

// network is the inventory's network that a request came from: that of the relay,
// or of our own address. A relay elsewhere could be anybody's address to send
// packets to, and gets none.
func (s *Server) network(snap *inventory.Snapshot, req *dhcpv4.DHCPv4) *inventory.Network {
	if snap == nil {
		return nil
	}
	link := s.ServerAddr
	if relay := addrOf(req.GatewayIPAddr); relay.IsValid() {
		link = relay
	}
	n := snap.NetworkOf(link)
	if n == nil || !n.Subnet.Addr().Is4() {
		return nil
	}
	return n
}

// choose finds the client's address, and keeps it for the client.
func (s *Server) choose(snap *inventory.Snapshot, v view, req *dhcpv4.DHCPv4) (netip.Addr, error) {
	want := addrOf(req.RequestedIPAddress())
	if !want.IsValid() {
		want = addrOf(req.ClientIPAddr)
	}
	now := s.Clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	addr, err := s.table.address(snap, v.network, s.ServerAddr, v.client.mac, want, now)
	if err == nil {
		s.table.hold(v.client.mac, addr, now)
	}
	return addr, err
}

// enact carries out what was planned, before the reply goes out: the lease on
// disk, the event in the journal. It returns false when there must be no reply.
func (s *Server) enact(ctx context.Context, v view, does verdict, asked netip.Addr) bool {
	var err error
	switch does {
	case acked:
		err = s.bind(ctx, v)
	case released:
		err = s.release(ctx, v.client.mac, asked)
	case declined:
		err = s.decline(ctx, v, asked)
	case refused:
		s.noticeRefused(v, asked)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.Log.Error("dhcp: lease not written, so not acknowledged", "mac", v.client.mac, "address", asked, "error", err)
	}
	return err == nil
}

// fit writes a reply out within the size that every client takes (RFC 2131
// section 2: 576 bytes with the IP and UDP headers) or that this one said
// (option 57), by leaving out what it can do without.
func fit(reply, req *dhcpv4.DHCPv4) []byte {
	const least = 576
	most := least
	if said, err := req.MaxMessageSize(); err == nil {
		most = max(least, min(int(said), 1472)) // RFC 2132 section 9.10; one frame
	}
	for _, code := range []dhcpv4.OptionCode{dhcpv4.OptionNTPServers, dhcpv4.OptionDomainName, dhcpv4.OptionHostName, dhcpv4.OptionDomainNameServer} {
		if b := reply.ToBytes(); len(b)+ipLen+udpLen <= most {
			return b
		}
		reply.DeleteOption(code)
	}
	return reply.ToBytes()
}
