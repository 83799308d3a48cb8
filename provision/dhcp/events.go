package dhcp

import (
	"errors"
	"fmt"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
)

// subject names the client in an event: the host, or the MAC of an unclaimed box or a BMC.
// Nothing that a BMC does may look like an act of its host.
func (v view) subject() string {
	if v.decision.Host != nil {
		return v.decision.Host.Name
	}
	return v.client.mac.String()
}

// fields are the fields of every event about a client.
func (v view) fields() map[string]string {
	f := map[string]string{"mac": v.client.mac.String(), "client": v.client.kind.String()}
	if v.address.IsValid() {
		f["address"] = v.address.String()
	}
	if v.client.kind.Boots() {
		f["arch"] = v.client.arch.String()
	}
	if v.client.vendor != "" {
		f["vendor"] = v.client.vendor
	}
	if v.client.uuid != "" {
		f["uuid"] = v.client.uuid
	}
	r := v.relay
	if r == nil {
		r = v.client.relay.recorded()
	}
	if r != nil {
		for name, said := range map[string]string{"relay": r.Address, "circuit": r.Circuit, "remote": r.Remote} {
			if said != "" {
				f[name] = said
			}
		}
	}
	return f
}

// reserved is the client's address in the inventory; invalid when it has none.
func (v view) reserved() netip.Addr {
	switch {
	case v.decision.Host != nil:
		return v.decision.Host.Address
	case v.bmcOf != nil:
		return v.bmcOf.BMC.Address.Addr()
	}
	return netip.Addr{}
}

// noticeAck records a lease. It moves an install to Addressed when the box boots into it.
func (s *Server) noticeAck(v view) {
	host := v.decision.Host
	if host == nil && v.bmcOf == nil {
		return // an unclaimed box has its own event
	}
	if !s.mayReportLease(v) {
		return
	}
	e := provision.Event{Host: v.subject(), Kind: "ack", Fields: v.fields()}
	if v.bmcOf != nil {
		e.Message = fmt.Sprintf("%s is leased to %s, the BMC of %s", v.address, v.client.mac, v.bmcOf.Name)
		s.record(e)
		return
	}
	e.Message = fmt.Sprintf("%s got %s", v.client.kind, v.address)
	if v.client.kind == boot.Other {
		e.Message = fmt.Sprintf("%s is leased to %s", v.address, v.client.mac)
		s.record(e)
		return
	}
	e.Message += ": " + v.decision.Why
	if file := v.bootFile(); file != "" {
		e.Fields["file"] = file
	}
	switch {
	case v.address != host.Address:
		e.Level = provision.LevelWarn
		e.Message = fmt.Sprintf("%s got %s and nothing to boot: another card of this host is using %s", v.client.mac, v.address, host.Address)
	case v.decision.Action == boot.InstallIt:
		e.Stage = provision.Addressed
	}
	s.record(e)
}

// noticeUnclaimed records a box that isn't in the inventory, once a minute. It records the
// box once more for each offered address that turned out to be in use.
func (s *Server) noticeUnclaimed(v view) {
	key := v.client.mac.String()
	if v.tries > 0 {
		key += fmt.Sprint(" again ", v.tries)
	}
	if v.reserved().IsValid() || !s.mayReport("unclaimed", v, key) {
		return
	}
	e := provision.Event{Host: v.subject(), Kind: "unclaimed", Fields: v.fields()}
	e.Message = "a box that is not in the inventory asks for an address"
	if maker := v.client.maker(); maker != "" {
		e.Fields["maker"] = maker
		e.Message += ": " + maker
	}
	claim := "claim the box"
	if kind := v.client.bmc(); kind != "" {
		e.Fields["bmc"] = kind
		claim = "add the BMC to its host"
		e.Message = fmt.Sprintf("probably a BMC (%s), in no host of the inventory, asks for an address: `rackhand bmc add HOST --mac %s`", kind, v.client.mac)
	}
	if n := v.network; n.Mode() == inventory.DHCPAuthoritative && !n.Leases.First.IsValid() {
		e.Level = provision.LevelWarn
		e.Message += fmt.Sprintf("; it gets none, because network %s has no `leases`: give the network a range, or %s", n.Name, claim)
	}
	s.record(e)
}

// noticeMissing records why a client gets no address, once a minute.
func (s *Server) noticeMissing(v view, err error) {
	if err == nil {
		return
	}
	e := provision.Event{Host: v.subject(), Fields: v.fields()}
	key := v.client.mac.String()
	switch {
	case errors.Is(err, errExhausted):
		key = v.network.Name
		e.Kind, e.Level, e.Host = "exhausted", provision.LevelError, ""
		e.Message = fmt.Sprintf("%s got no address: all addresses of %s-%s are in use: widen `leases` of network %s, or claim the boxes that hold them",
			v.client.mac, v.network.Leases.First, v.network.Leases.Last, v.network.Name)
		e.Fields["network"] = v.network.Name
	case errors.Is(err, errWrongNetwork):
		e.Kind, e.Level = "wrong-network", provision.LevelWarn
		e.Message = fmt.Sprintf("asks from network %s, but its address %s belongs to another network: it gets none; correct the address, or move the cable",
			v.network.Name, v.reserved())
	case errors.Is(err, errOurAddress):
		e.Kind, e.Level = "our-address", provision.LevelError
		e.Message = fmt.Sprintf("its address in the inventory, %s, is the appliance's own: it gets none; give the host another address", v.reserved())
	default:
		return
	}
	if s.mayReport(e.Kind, v, key) {
		s.record(e)
	}
}

// noticeRefused records a NAK, once a minute.
func (s *Server) noticeRefused(v view, asked netip.Addr) {
	if !s.mayReport("nak", v, v.client.mac.String()) {
		return
	}
	e := provision.Event{Host: v.subject(), Kind: "nak", Fields: v.fields()}
	e.Fields["asked"] = asked.String()
	e.Message = fmt.Sprintf("%s asked for %s and was refused: it has no address on this network", v.client.mac, asked)
	if v.address.IsValid() {
		e.Message = fmt.Sprintf("%s asked for %s and was refused: its address on this network is %s", v.client.mac, asked, v.address)
	}
	s.record(e)
}

// noticeDeclined records that a machine uses an address that it did not get from us.
func (s *Server) noticeDeclined(v view, addr netip.Addr) {
	if !s.mayReport("decline", v, v.client.mac.String()) {
		return
	}
	e := provision.Event{Host: v.subject(), Kind: "decline", Level: provision.LevelWarn, Fields: v.fields()}
	e.Fields["address"] = addr.String()
	e.Message = fmt.Sprintf("%s declined %s: another machine answers there; `arping %s` shows its hardware address; ", v.client.mac, addr, addr)
	switch {
	case v.network.Mode() == inventory.DHCPProxy:
		e.Message += "the server that gave the address decides what happens to it"
	case v.reserved() == addr:
		e.Message += "it is reserved for this host, which gets it again: change one of the two"
	default:
		e.Message += fmt.Sprintf("the address is withheld for %s, and the client gets another one", declineHold)
	}
	s.record(e)
}

// noticeConflict records that a machine was found on an address that was about to be
// offered, once a minute for each address. by is its hardware address; zero when it
// answered through a router.
func (s *Server) noticeConflict(p *probe, by inventory.MAC) {
	host := p.name
	if stranger := host == p.mac.String(); stranger {
		host = ""
	}
	if !s.Flood.Allow("dhcp conflict", host, p.addr.String()) {
		return
	}
	e := provision.Event{Host: p.name, Kind: "conflict", Level: provision.LevelWarn, Fields: map[string]string{
		"mac": p.mac.String(), "address": p.addr.String(), "interface": s.Interface,
	}}
	other := "another machine"
	if by != (inventory.MAC{}) {
		other = by.String()
		e.Fields["other"] = other
	}
	e.Message = fmt.Sprintf("%s was about to get %s, but %s answers there: the address is withheld for %s, and another one is tried", p.mac, p.addr, other, declineHold)
	if p.reply == nil {
		e.Message = fmt.Sprintf("%s is reserved for this host, and %s answers there: change one of the two", p.addr, other)
	}
	s.record(e)
}

// noticeCard records, once a minute, that a card asked for its host's address while another
// card answers there.
func (s *Server) noticeCard(p *probe) {
	if !s.hostReports.Allow("card "+p.name, s.Clock()) {
		return
	}
	s.record(provision.Event{
		Host: p.name, Kind: "address-claimed", Level: provision.LevelWarn,
		Fields: map[string]string{
			"mac": p.mac.String(), "address": p.addr.String(), "interface": s.Interface, "other": p.owner.String(),
		},
		Message: fmt.Sprintf("%s, another card of this host, asked for %s, but %s answers there and keeps it while an install or job is under way; to continue with %s, pull the other card's cable and boot the box again",
			p.mac, p.addr, p.owner, p.mac),
	})
}

// badPacket records a packet that can't be answered, once a minute for each sender.
func (s *Server) badPacket(packet []byte, why error) {
	sender := "unknown"
	if mac := chaddr(packet); mac != (inventory.MAC{}) {
		sender = mac.String()
	}
	s.Log.Debug("dhcp: bad packet", "sender", sender, "bytes", len(packet), "why", why)
	if !s.Flood.Allow("dhcp bad-packet", "", sender) {
		return
	}
	// The reason is short, and comes from us or the library, but it may quote the packet.
	s.record(provision.Event{
		Kind: "bad-packet", Level: provision.LevelWarn,
		Message: fmt.Sprintf("a DHCP packet from %s was dropped: %s", sender, truncate(why.Error())),
		Fields:  map[string]string{"mac": sender, "interface": s.Interface},
	})
}

func truncate(s string) string { return s[:min(len(s), 200)] }
