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
}

// answer takes one packet as it came, and does everything except sending and writing. The
// reply to a request that takes a lease is in the outcome's write. It must not be sent
// before that write is on disk.
func (s *Server) answer(ctx context.Context, d datagram) outcome {
	req, ok := s.read(d)
	if !ok {
		return outcome{}
	}
	c, snap := req.client, s.Snapshot()
	n, away := s.network(snap, req, d)
	switch {
	case n == nil:
		s.Log.Debug("dhcp: asked from no network of the inventory", "mac", c.mac, "relay", c.relay.addr)
		return outcome{}
	case n.Mode() == inventory.DHCPProxy:
		return s.proxy(ctx, snap, n, req, d.from)
	case n.Mode() != inventory.DHCPAuthoritative || !s.mayServe(n):
		return outcome{}
	}
	v := s.view(snap, n, c)
	v.tries, v.renews = d.tries, req.ciaddr.IsValid()
	v.known = !n.AllowOtherDHCP || s.knows(snap, v)
	first := false
	if v.needsAddress(req) {
		var err error
		if v.address, first, err = s.choose(snap, v, req.wanted()); errors.Is(err, errContested) {
			s.contested(v)
			return outcome{}
		}
		s.noticeMissing(v, err)
		s.noticeUnclaimed(v)
		if v.decision, ok = s.decide(ctx, v); !ok {
			return outcome{}
		}
	}
	does, msg, asked := v.plan(req)
	if does == refused && !s.mayRefuse(v) {
		return outcome{}
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
	if s.apply(v, does, asked, w) {
		return outcome{write: w}
	}
	if msg == nil || does == acked || does == offered && s.probeFirst(v, first, d, w.reply, w.to) {
		return outcome{}
	}
	return outcome{reply: w.reply, to: w.to}
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
func (s *Server) decide(ctx context.Context, v view) (boot.Decision, bool) {
	if v.decision.Host == nil || !v.address.IsValid() {
		return v.decision, true // there is nothing to boot, so nothing may be armed
	}
	c := v.client
	// A second card gets nothing to boot while the first one holds the host's address. So
	// it must not arm an install either.
	if v.address != v.decision.Host.Address {
		c.kind = boot.Other
	}
	d, err := s.Decide(ctx, boot.Request{MAC: c.mac, Arch: c.arch, Client: c.kind, Chained: s.chained.has(c.mac, s.Clock())})
	if err != nil {
		s.Log.Error("dhcp: no decision", "mac", c.mac, "client", c.kind, "error", err)
		return v.decision, !c.kind.Boots()
	}
	if d.Host == nil { // the inventory was reloaded meanwhile
		d = v.decision
	}
	return d, true
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
func (s *Server) apply(v view, does verdict, asked netip.Addr, w *write) bool {
	var entered bool
	var err error
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
	return entered
}
