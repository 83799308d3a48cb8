package dhcp

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"rackhand/inventory"
	"rackhand/provision/trace"
)

// A prober asks the network which machine has an address: by ARP on our own link, by an
// ICMP echo behind a relay. It doesn't wait for an answer.
type prober interface {
	probe(addr netip.Addr, viaRelay bool) error
}

// probeFirst probes an address before it is offered for the first time, and reports whether
// the offer waits for the result. Offers of addresses from the range wait. Offers of
// reserved addresses don't, since they are made whatever the result. An address that the
// client held before isn't probed, and none is when too many probes are under way. A probe
// is noted.
func (s *Server) probeFirst(v view, first bool, d datagram, w *write, n *note) bool {
	if s.prober == nil {
		return false
	}
	if !first {
		return s.probes.replace(v.client.mac, v.address, d, w.reply, w.to)
	}
	p := &probe{
		addr: v.address, mac: v.client.mac, name: v.subject(), until: s.Clock().Add(probeWait),
		reply: w.reply, to: w.to, asked: d,
	}
	if v.reserved() == v.address {
		p.reply, p.cards = nil, []inventory.MAC{v.client.mac}
		if host := v.decision.Host; host != nil {
			p.cards = slices.Clone(host.MACs)
		}
	}
	if d.tries >= probeTries {
		return false
	}
	if !s.probes.begin(p) {
		s.Log.Debug("dhcp: too many addresses are being probed: offered without a probe", "mac", v.client.mac, "address", v.address)
		return false
	}
	if err := s.prober.probe(v.address, !v.network.Subnet.Contains(s.ServerAddr)); err != nil {
		s.Log.Debug("dhcp: address not probed", "address", v.address, "error", err)
		s.probes.cancel(p)
		return false
	}
	n.probed, n.routed = true, !v.network.Subnet.Contains(s.ServerAddr)
	return p.reply != nil
}

// conflict handles an answer from an address. When that address was being probed, it is
// withheld for a while, and its client gets another one.
func (s *Server) conflict(ctx context.Context, addr netip.Addr, by inventory.MAC, send sender) {
	p := s.probes.answered(addr, by)
	if p == nil {
		return
	}
	s.traceProbe(trace.Probe{Box: p.mac, Address: addr, Answers: true, By: by})
	if p.owner != (inventory.MAC{}) {
		known := slices.Contains(p.cards, by)
		if !known && by != (inventory.MAC{}) {
			s.noticeConflict(p, by)
		}
		if !known { // when it answered through a router, too, the card with the lease keeps it
			by = p.owner
		}
		if by == p.owner {
			s.noticeCard(p)
		}
		s.sighted(p.addr, by)
		return
	}
	s.noticeConflict(p, by)
	if p.reply == nil {
		return
	}
	s.mu.Lock()
	if held := s.table.byMAC[p.mac]; held.addr == p.addr && held.lease == nil {
		s.table.decline(p.mac, p.addr, s.Clock())
	}
	s.mu.Unlock()
	again := p.asked
	again.tries++
	if o := s.tryAnswer(ctx, again); o.reply != nil {
		send(outgoing{o.reply, o.to})
	}
}

// guarded reports whether a host's address may move from one of its cards to another only
// after a probe.
func (s *Server) guarded(host *inventory.Host) bool {
	return host != nil && len(host.MACs) > 1 && s.prober != nil && s.underWay(host)
}

// contested finds out which card of the host uses the address that this card asked for.
func (s *Server) contested(v view) {
	s.mu.Lock()
	c, owner := s.table.claim(v.decision.Host, v.client.mac, true, s.Clock())
	s.mu.Unlock()
	if c == claimUnknown {
		s.probeCard(v, owner)
	}
}

// probeCard asks the network which card of a host uses its address: the owner, or the card
// that asked.
func (s *Server) probeCard(v view, owner inventory.MAC) {
	host := v.decision.Host
	p := &probe{
		addr: host.Address, mac: v.client.mac, name: host.Name, cards: slices.Clone(host.MACs),
		owner: owner, until: s.Clock().Add(probeWait),
	}
	if !s.probes.begin(p) {
		return
	}
	if err := s.prober.probe(host.Address, !v.network.Subnet.Contains(s.ServerAddr)); err != nil {
		s.Log.Debug("dhcp: address not probed", "address", host.Address, "error", err)
		s.probes.cancel(p)
		by := owner
		if v.client.mac == host.MACs[0] {
			by = inventory.MAC{}
		}
		s.sighted(host.Address, by)
	}
}

// sighted records which card was found on its host's address.
func (s *Server) sighted(addr netip.Addr, by inventory.MAC) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.sighted[addr] = sighting{by, s.Clock()}
}

// sendProbed sends the offers whose probe got no answer, until ctx ends.
func (s *Server) sendProbed(ctx context.Context, send sender) error {
	const together = 5 * time.Millisecond // probes that end within this time share a timer
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		quiet, next := s.probes.expire(s.Clock())
		var out []outgoing
		for _, p := range quiet {
			if p.reply != nil {
				out = append(out, outgoing{p.reply, p.to})
			}
			if p.owner != (inventory.MAC{}) {
				s.sighted(p.addr, inventory.MAC{})
			}
		}
		send(out...)
		wait := time.Hour
		if !next.IsZero() {
			wait = max(together, next.Sub(s.Clock()))
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.probes.wake:
		}
	}
}
