package dhcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/store"
)

// observe records which address a client asks another server for. We see no more than this
// REQUEST: the server's answer and all renewals are unicast. The checks for scripts and
// answer files rely on this lease.
func (s *Server) observe(ctx context.Context, snap *inventory.Snapshot, v view, req request, from netip.Addr) {
	asked, server := v.observedRequest(req)
	if server.IsValid() && asked == from {
		// A client that takes an offer has no address yet (RFC 2131 section 4.1), and isn't
		// its own relay. So this packet is from a program on some machine that poses as the
		// client.
		return
	}
	known, isKnown := s.observed.get(v.client.mac)
	if !server.IsValid() {
		// The client returns with an address that it had (init-reboot), or has lost its
		// server (rebinding). It may be refused, so the packet counts only when it confirms
		// a known lease.
		if !isKnown || known.Address != asked.String() {
			return
		}
		server, _ = netip.ParseAddr(known.Server)
	}
	if !asked.IsValid() || asked == v.server || !v.network.Subnet.Contains(asked) {
		return
	}
	host := v.decision.Host
	if host == nil && !isKnown && (!v.client.kind.Boots() || s.observed.full(s.Clock())) {
		return // not a client of ours, or a flood
	}
	file := ""
	if host != nil && v.client.kind.Boots() {
		var ok bool
		if v.decision, ok = s.decide(ctx, snap, v); ok {
			file = v.bootFile()
		}
		if file != "" && v.decision.Program != "" {
			s.chained.Add(v.client.mac, s.Clock())
		}
	}
	v.address = asked
	if s.takesLease(ctx, v, snap) {
		s.noticeDiffers(v, server)
		return
	}
	news, err := s.storeObserved(ctx, v, server)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.Log.Error("dhcp: another server's lease not written", "mac", v.client.mac, "address", asked, "error", err)
		}
		return
	}
	if news || v.client.kind.Boots() {
		s.noticeObserved(v, server, file)
	}
	s.noticeDiffers(v, server)
}

// takesLease reports whether a REQUEST would take the lease of a host with an install or
// job under way. It may be in the host's name for another address, or from another client,
// or another card of the host, for the host's address. Any machine can send these. Only the
// host's address in the inventory is protected.
func (s *Server) takesLease(ctx context.Context, v view, snap *inventory.Snapshot) bool {
	host, other := v.decision.Host, snap.HostByAddress(v.address)
	if other != host && s.underWay(other) {
		s.noticeClaimed(v, other)
		return true
	}
	if other != nil && other == host && s.guarded(host) {
		if c, owner := s.observedClaim(v, host); c != claimGranted {
			if c == claimUnknown {
				s.probeCard(v, owner)
			}
			return true
		}
	}
	return other != host && s.underWay(host) && s.stored(ctx, v.client.mac) == host.Address.String()
}

// observedClaim judges a card's REQUEST to another server for its host's address. It also
// returns the card that was observed with that address.
func (s *Server) observedClaim(v view, host *inventory.Host) (claim, inventory.MAC) {
	s.observed.mu.Lock()
	owner, taken := s.observed.byAddr[host.Address]
	l := s.observed.byMAC[owner]
	s.observed.mu.Unlock()
	if !taken || owner == v.client.mac || !slices.Contains(host.MACs, owner) {
		return claimGranted, owner
	}
	s.mu.Lock()
	seen := s.table.sighted[host.Address]
	s.mu.Unlock()
	before := slot{addr: host.Address, until: l.Expires, lease: &l, acked: l.Expires.Add(-v.leaseTime)}
	return claimOf(v.client.mac == host.MACs[0], true, owner, before, seen, s.Clock()), owner
}

// noticeClaimed records, once a minute, that another client asked for the address of a host
// that is being installed.
func (s *Server) noticeClaimed(v view, host *inventory.Host) {
	if !s.hostReports.Allow("claimed "+host.Name, s.Clock()) {
		return
	}
	s.record(provision.Event{
		Host: host.Name, Kind: "address-claimed", Level: provision.LevelWarn, Fields: v.fields(),
		Message: fmt.Sprintf("%s asked the other DHCP server for %s, which is this host's address in the inventory: the request is ignored while the host is being installed; reserve %s for %s on that server", v.client.mac, v.address, v.address, host.MACs[0]),
	})
}

// observedRequest reads a REQUEST: the address that the client wants, and the server that
// it asks. An address is invalid when the packet doesn't name it. asked is invalid, too,
// when the server is us.
func (v view) observedRequest(req request) (asked, server netip.Addr) {
	asked = req.wanted()
	if us, other := v.addressee(req); us {
		asked = netip.Addr{}
	} else if other {
		if server = req.server; !server.IsValid() {
			asked = netip.Addr{} // the option has a wrong length
		}
	}
	return asked, server
}

// storeObserved writes the lease. news is false when the store had it already.
func (s *Server) storeObserved(ctx context.Context, v view, server netip.Addr) (news bool, err error) {
	now := s.Clock()
	l := provision.Lease{
		MAC: v.client.mac.String(), Address: v.address.String(), Server: server.String(),
		Since: now, Expires: now.Add(v.leaseTime),
		HostName: v.client.hostName, Vendor: v.client.vendor, UUID: v.client.uuid,
		Relay: v.relay,
	}
	if v.decision.Host != nil {
		l.Host = v.decision.Host.Name
	}
	s.observed.mu.Lock()
	before, known := s.observed.byMAC[v.client.mac]
	same := known && before.Address == l.Address && before.Host == l.Host && before.Server == l.Server && before.Expires.After(now)
	if same {
		l.Since = before.Since
	}
	if known && l.UUID == "" {
		l.UUID = before.UUID // firmware sends it, the system mostly doesn't
	}
	if l.Booted = before.Booted; v.client.kind.Boots() {
		l.Booted = now
	}
	var gone map[inventory.MAC]string
	if !known {
		gone = s.observed.makeRoom(now)
	}
	displaced := s.observed.put(v.client.mac, v.address, l)
	s.observed.mu.Unlock()

	value, err := json.Marshal(l)
	if err != nil {
		return false, fmt.Errorf("write lease: %w", err)
	}
	ops := []store.Op{{Key: LeasePrefix + l.MAC, Value: value}}
	// A record with another address by now belongs to another link.
	if displaced != nil && s.stored(ctx, *displaced) == l.Address {
		ops = append(ops, store.Op{Key: LeasePrefix + displaced.String(), Delete: true})
	}
	for mac, addr := range gone {
		if s.stored(ctx, mac) == addr {
			ops = append(ops, store.Op{Key: LeasePrefix + mac.String(), Delete: true})
		}
	}
	if _, err := s.Store.Txn(ctx, nil, ops...); err != nil {
		return false, fmt.Errorf("write lease: %w", err)
	}
	return !same || before.Vendor != l.Vendor, nil
}

// forgetObserved deletes a lease whose client found another machine on the address. The
// lease of a host with an install or job under way stays, since any machine can send a
// DECLINE in its name.
func (s *Server) forgetObserved(ctx context.Context, v view, req request) {
	asked := req.requested
	_, other := v.addressee(req)
	s.observed.mu.Lock()
	known, ok := s.observed.byMAC[v.client.mac]
	ok = ok && other && known.Address == asked.String()
	stays := s.underWay(v.decision.Host)
	if ok && !stays {
		s.observed.drop(v.client.mac)
	}
	s.observed.mu.Unlock()
	if !ok {
		return
	}
	s.noticeDeclined(v, asked)
	if stays || s.stored(ctx, v.client.mac) != asked.String() {
		return
	}
	if _, err := s.Store.Txn(ctx, nil, store.Op{Key: LeasePrefix + v.client.mac.String(), Delete: true}); err != nil && !errors.Is(err, context.Canceled) {
		s.Log.Error("dhcp: another server's lease not deleted", "mac", v.client.mac, "address", asked, "error", err)
	}
}

// noticeObserved records which address a client asked another server for. It moves an
// install to Addressed when the box boots into it.
func (s *Server) noticeObserved(v view, server netip.Addr, file string) {
	if v.decision.Host == nil && !s.mayReport("observed", v, v.client.mac.String()) || v.decision.Host != nil && !s.mayReportLease(v) {
		return
	}
	e := provision.Event{Host: v.subject(), Kind: "observed", Fields: v.fields()}
	e.Fields["server"] = server.String()
	e.Message = fmt.Sprintf("%s asked %s for %s", v.subject(), server, v.address)
	if v.client.kind.Boots() && v.decision.Host != nil {
		e.Message += " (" + v.client.kind.String() + "): " + v.decision.Why
		if file != "" {
			e.Fields["file"] = file
		}
		if v.decision.Action == boot.InstallIt {
			e.Stage = provision.Addressed
		}
	}
	s.record(e)
}

// noticeDiffers records, once a minute, that the other server gives a host another address
// than the inventory. The role's checks and all else that is sent to the host use the
// inventory's address.
func (s *Server) noticeDiffers(v view, server netip.Addr) {
	host := v.decision.Host
	if host == nil || host.Address == v.address {
		return
	}
	others := slices.DeleteFunc(slices.Clone(host.MACs), func(m inventory.MAC) bool { return m == v.client.mac })
	if s.observed.holds(host.Address, others) ||
		!s.hostReports.Allow("differs "+v.client.mac.String(), s.Clock()) {
		return
	}
	e := provision.Event{Host: host.Name, Kind: "address-differs", Level: provision.LevelWarn, Fields: v.fields()}
	e.Fields["server"], e.Fields["expected"] = server.String(), host.Address.String()
	e.Message = fmt.Sprintf("the DHCP server %s gives it %s, but the inventory says %s: reserve %s for %s on that server, or correct `address` in the inventory; until then the host is not installed",
		server, v.address, host.Address, host.Address, v.client.mac)
	s.record(e)
}
