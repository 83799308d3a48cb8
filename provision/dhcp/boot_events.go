package dhcp

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/dhcp/boots"
)

// noticeBoot records what a request says about the boot of a host: that its firmware asks
// for an address or doesn't take one, that it took another server's, or that an unknown card
// is probably one of a host that is expected. It comes after the answer was decided, and
// changes nothing of it. n is nil outside the networks of the inventory.
func (s *Server) noticeBoot(snap *inventory.Snapshot, n *inventory.Network, req request, o outcome) {
	c := &req.client
	host, discovers := snap.HostByMAC(c.mac), req.message == dhcpv4.MessageTypeDiscover
	if host == nil && (!discovers || !c.kind.Boots() || snap.HostByBMC(c.mac) != nil) {
		return
	}
	v := view{client: *c, relay: c.relay.recorded(), network: n, server: s.ServerAddr, serverID: c.relay.server}
	v.decision.Host = host
	switch {
	case host == nil:
		s.noticeOtherCard(snap, v, o.offered)
	case discovers:
		s.noticeDiscover(v, req, o)
	case req.message == dhcpv4.MessageTypeRequest:
		s.tally.Request(v.client.mac, s.Clock())
		if _, other := v.addressee(req); other {
			s.noticeChosenOther(v, req)
		}
	}
}

// noticeDiscover records that a host's firmware begins to ask for an address, and that a
// client doesn't take one that it is offered again and again. A boot program or system is of
// interest only while an install or job of its host is under way, and only in that case.
func (s *Server) noticeDiscover(v view, req request, o outcome) {
	c, host, now := v.client, v.decision.Host, s.Clock()
	firmware := c.kind.Boots() && (c.kind != boot.IPXE || !s.chained.Has(c.mac, now))
	if !firmware && !s.underWay(host) {
		return
	}
	since, _ := s.expectedSince(host.Name)
	report, tries := s.tally.Discover(c.mac, boots.Discover{Firmware: firmware, Offered: o.offers, Expected: since}, now)
	if report == boots.Nothing || !s.mayReport("discover", v, "") {
		return
	}
	e := provision.Event{Host: host.Name, Kind: "discover", Fields: v.fields()}
	secs := boots.Seconds(req.packet.NumSeconds, c.ipxe)
	e.Fields["secs"], e.Fields["tries"], e.Fields["offered"] = fmt.Sprint(secs), fmt.Sprint(tries), ""
	offer := "is offered nothing"
	switch {
	case o.offered.IsValid():
		e.Fields["offered"] = o.offered.String()
		offer = "is offered " + o.offered.String()
	case o.offers:
		offer = "is offered a boot program"
	}
	e.Message = fmt.Sprintf("%s asks for an address and %s", asker(c), offer)
	if secs > 0 {
		e.Message += fmt.Sprintf("; it began to ask %d s before", secs)
	}
	if report == boots.Untaken {
		e.Level = provision.LevelWarn
		e.Message = fmt.Sprintf("%s has asked for an address %d times and takes none: it %s", asker(c), tries, offer)
	}
	s.record(e)
}

// noticeChosenOther records, once a minute, that a host takes another server's offer on a
// network where we give the addresses.
func (s *Server) noticeChosenOther(v view, req request) {
	if v.network == nil || v.network.Mode() != inventory.DHCPAuthoritative || !req.server.IsValid() ||
		s.Own != nil && s.Own(req.server) || !s.mayReport("chosen-other", v, v.client.mac.String()) {
		return
	}
	v.address = req.wanted()
	e := provision.Event{Host: v.subject(), Kind: "chosen-other", Level: provision.LevelWarn, Fields: v.fields()}
	e.Fields["server"] = req.server.String()
	asked := "an address"
	if v.address.IsValid() {
		asked = v.address.String()
	}
	e.Message = fmt.Sprintf("%s takes %s from another DHCP server, %s", asker(v.client), asked, req.server)
	s.record(e)
}

// noticeOtherCard records, once a minute for each card, that firmware of a card outside the
// inventory asks for an address, and that the card is probably in the box of a host that is
// expected and was not heard.
func (s *Server) noticeOtherCard(snap *inventory.Snapshot, v view, offered netip.Addr) {
	c := v.client
	hosts := s.expectedHosts(snap)
	host, by := boots.Relative(boots.Card{MAC: c.mac, UUID: c.uuid, Port: portOf(v.relay)}, hosts)
	if by == "" || !s.awaits(host) || !s.Flood.Allow("dhcp another-card", host.Name, c.mac.String()) {
		return
	}
	v.address = offered
	e := provision.Event{Host: host.Name, Kind: "another-card", Level: provision.LevelWarn, Fields: v.fields()}
	delete(e.Fields, "arch") // the box may be another one, so it says nothing about the host
	e.Fields["by"], e.Fields["expected"] = string(by), host.MACs[0].String()
	why := map[boots.Evidence]string{
		boots.SameUUID: "it has this host's UUID", boots.SamePort: "it is at this host's switch port",
		boots.NeighbouringMAC: "the two addresses are neighbours",
	}[by]
	e.Message = fmt.Sprintf("%s asks for an address, and %s was not heard: probably another card of the same box, since %s", c.mac, host.MACs[0], why)
	s.record(e)
}

// awaits reports whether a host is still expected and none of its cards was heard.
func (s *Server) awaits(h boots.Host) bool {
	since, ok := s.expectedSince(h.Name)
	for _, mac := range h.MACs {
		ok = ok && !s.tally.HeardSince(mac, since)
	}
	return ok
}

// expected holds the hosts that are expected, as of a moment.
type expected struct {
	mu    sync.Mutex
	at    time.Time
	snap  *inventory.Snapshot
	hosts []boots.Host
}

// expectedFor is how long they are believed, so that a flood doesn't cause a search for each
// packet.
const expectedFor = time.Second

// expectedHosts returns the hosts that are expected and were not heard, with their UUIDs and
// switch ports.
func (s *Server) expectedHosts(snap *inventory.Snapshot) []boots.Host {
	x, now := &s.expected, s.Clock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if age := now.Sub(x.at); x.snap == snap && age >= 0 && age < expectedFor {
		return x.hosts
	}
	x.at, x.snap, x.hosts = now, snap, nil
	for name, h := range snap.Hosts {
		if e := (boots.Host{Name: name, MACs: h.MACs}); len(h.MACs) > 0 && s.awaits(e) {
			x.hosts = append(x.hosts, e)
		}
	}
	if len(x.hosts) == 0 {
		return nil
	}
	cards := map[string][]boots.Card{}
	for name, h := range snap.Hosts {
		for _, mac := range h.MACs {
			cards[name] = append(cards[name], s.leasedCards(mac)...)
		}
	}
	boots.Identify(x.hosts, cards)
	return x.hosts
}

// leasedCards is a card as its leases describe it, ours and another server's.
func (s *Server) leasedCards(mac inventory.MAC) (cards []boots.Card) {
	s.mu.Lock()
	own := s.table.byMAC[mac].lease
	s.mu.Unlock()
	if own != nil {
		cards = append(cards, boots.Card{MAC: mac, UUID: own.UUID, Port: portOf(own.Relay)})
	}
	if l, ok := s.observed.get(mac); ok {
		cards = append(cards, boots.Card{MAC: mac, UUID: l.UUID, Port: portOf(l.Relay)})
	}
	return cards
}

func portOf(r *provision.Relay) boots.Port {
	if r == nil {
		return boots.Port{}
	}
	return boots.Port{Relay: r.Address, Circuit: r.Circuit, Remote: r.Remote}
}

// expectedSince is since when a host is expected to boot.
func (s *Server) expectedSince(host string) (time.Time, bool) {
	if s.Expected == nil {
		return time.Time{}, false
	}
	return s.Expected(host)
}

// asker names a client for a message.
func asker(c client) string {
	if !c.kind.Boots() {
		return "its system or installer"
	}
	return c.kind.String()
}
