package dhcp

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// An outcome is the result of one packet.
type outcome struct {
	reply []byte // nil: nothing to send now
	to    destination
	write *write // the change that the reply waits for; nil: no change waits for the disk
	note  note   // for a trace
	// offers: a DISCOVER is answered, now or after a probe, with an offer. offered is its
	// address; invalid where we are a proxy.
	offers  bool
	offered netip.Addr
}

// answer takes one packet as it came, and does everything except sending and writing. The
// reply to a request that takes a lease is in the outcome's write. It must not be sent
// before that write is on disk.
func (s *Server) answer(ctx context.Context, d datagram) outcome {
	req, err := s.read(d)
	if err != nil {
		return dropped(err)
	}
	snap := s.Snapshot()
	n, away := s.network(snap, req, d)
	o := s.answerFrom(ctx, snap, n, away, req, d)
	if snap != nil && d.tries == 0 {
		s.noticeBoot(snap, n, req, o)
	}
	return o
}

// answerFrom answers a request from a network; nil for none of the inventory.
func (s *Server) answerFrom(ctx context.Context, snap *inventory.Snapshot, n *inventory.Network, away bool, req request, d datagram) outcome {
	c := req.client
	switch {
	case n == nil:
		s.Log.Debug("dhcp: asked from no network of the inventory", "mac", c.mac, "relay", c.relay.addr)
		return c.unanswered("it comes from no network of the inventory", nil)
	case n.Mode() == inventory.DHCPProxy:
		return s.proxy(ctx, snap, n, req, d.from)
	case n.Mode() != inventory.DHCPAuthoritative:
		return c.unanswered("the network has no DHCP from this server", nil)
	}
	if err := s.mayServe(n); err != nil {
		return c.unanswered("this server may not serve the network", err)
	}
	v := s.view(snap, n, c)
	v.tries, v.renews = d.tries, req.ciaddr.IsValid()
	v.known = !n.AllowOtherDHCP || s.knows(snap, v)
	var first bool
	var err error // why the client gets no address
	if v.needsAddress(req) {
		if v.address, first, err = s.choose(snap, v, req.wanted()); errors.Is(err, errContested) {
			s.contested(v)
			return c.unanswered("another card of the host may be using its address, which is being found out", nil)
		}
		s.noticeMissing(v, err)
		s.noticeUnclaimed(v)
		var ok bool
		if v.decision, ok = s.decide(ctx, snap, v); !ok {
			return c.unanswered("there is no decision about its boot: see the appliance's log", nil)
		}
	}
	does, msg, asked := v.plan(req)
	if does == refused && !s.mayRefuse(v) {
		return c.unanswered("too many clients are refused at this moment", nil)
	}
	o := outcome{note: v.note(does, req, err)}
	if does == offered {
		o.offers, o.offered = true, v.address
	}
	w := &write{mac: c.mac, asked: d}
	if msg != nil {
		w.reply, w.to = fit(msg, req.packet), route(req, msg, n.Subnet, s.ServerAddr)
		if away {
			w.to.to = netip.AddrPortFrom(req.ciaddr, dhcpv4.ClientPort) // a NAK too
		}
		if s.Log.Enabled(ctx, slog.LevelDebug) {
			s.Log.Debug("dhcp: answering", "mac", c.mac, "client", c.kind, "type", messageType(msg), "address", v.address, "asked", asked)
		}
	}
	entered, err := s.apply(v, does, asked, w)
	switch {
	case err != nil:
		o = c.unanswered("the disk is too slow", err)
	case entered:
		o.write = w
	case msg == nil:
	case does == offered && s.probeFirst(v, first, d, w, &o.note):
		o.note.verdict = "probed first, then offered"
	default:
		o.reply, o.to = w.reply, w.to
	}
	return o
}

// view collects what is known about a client before anything is decided.
func (s *Server) view(snap *inventory.Snapshot, n *inventory.Network, c client) view {
	v := view{
		server: s.ServerAddr, serverID: c.relay.server, network: n, client: c, leaseTime: s.LeaseTime,
		scriptURL: s.ScriptURL, tftpScriptURL: s.TFTPScriptURL, fileURL: s.FileURL,
		decision: boot.Decision{Host: snap.HostByMAC(c.mac)},
		relay:    c.relay.recorded(),
	}
	if v.decision.Host == nil {
		v.bmcOf = snap.HostByBMC(c.mac)
	}
	if n.LeaseTime > 0 {
		v.leaseTime = n.LeaseTime
	}
	return v
}

// decide asks what the client boots. It returns false when a client that boots can't be
// told now: with an address alone it would boot its disk.
func (s *Server) decide(ctx context.Context, snap *inventory.Snapshot, v view) (boot.Decision, bool) {
	if !v.address.IsValid() {
		return v.decision, true // there is nothing to boot, so nothing may be armed
	}
	c := v.client
	if v.decision.Host == nil {
		// Not s.Decide: that may know a later inventory, in which the box is a host that it arms.
		return boot.Unclaimed{Network: v.network, Ran: s.ran(c.mac)}.Decide(snap, s.bootRequest(c)), true
	}
	// A second card gets nothing to boot while the first one holds the host's address. So
	// it must not arm an install either.
	if v.address != v.decision.Host.Address {
		c.kind = boot.Other
	}
	d, err := s.Decide(ctx, s.bootRequest(c))
	if err != nil {
		s.Log.Error("dhcp: no decision", "mac", c.mac, "client", c.kind, "error", err)
		return v.decision, !c.kind.Boots()
	}
	if d.Host == nil { // the inventory was reloaded meanwhile
		d = v.decision
	}
	return d, true
}

func (s *Server) bootRequest(c client) boot.Request {
	return boot.Request{MAC: c.mac, Arch: c.arch, Client: c.kind, Chained: s.chained.Has(c.mac, s.Clock())}
}

// ran reports whether a system has asked for this MAC's address (provision.Lease).
func (s *Server) ran(mac inventory.MAC) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.table.byMAC[mac].lease
	return l != nil && l.Ran
}

// knows reports whether there is a record of the client: a reservation on this network, or
// a lease.
func (s *Server) knows(snap *inventory.Snapshot, v view) bool {
	if addr := reservation(snap, v.client.mac); addr.IsValid() && v.network.Subnet.Contains(addr) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.byMAC[v.client.mac].lease != nil
}

// choose finds the client's address and holds it for the client. want is the address that
// the client asks for; invalid for none. first means that the client did not have this
// address before.
func (s *Server) choose(snap *inventory.Snapshot, v view, want netip.Addr) (addr netip.Addr, first bool, err error) {
	now, guarded := s.Clock(), s.guarded(v.decision.Host)
	s.mu.Lock()
	defer s.mu.Unlock()
	addr, err = s.table.address(snap, v.network, s.ServerAddr, v.client.mac, want, guarded, now)
	if err == nil {
		// A reserved address that was declined is probed once more.
		first = s.table.byMAC[v.client.mac].addr != addr || s.table.declined[addr].After(now)
		s.table.hold(v.client.mac, addr, now)
	}
	return addr, first, err
}

// apply carries out the plan before the reply is sent: it puts the lease into the table and
// the event into the journal. It reports whether w was queued. In that case w carries the
// reply.
func (s *Server) apply(v view, does verdict, asked netip.Addr, w *write) (entered bool, err error) {
	switch does {
	case acked:
		entered, err = true, s.bind(v, w)
	case released:
		entered, err = s.release(v, asked, w)
	case declined:
		entered, err = s.decline(v, asked, w)
	case refused:
		s.noticeRefused(v, asked)
	}
	if err != nil {
		entered = false
		if s.logs.Allow("behind", s.Clock()) {
			s.Log.Warn("dhcp: requests are dropped: is the disk too slow?", "interface", s.Interface, "mac", v.client.mac, "why", err)
		}
	}
	return entered, err
}
