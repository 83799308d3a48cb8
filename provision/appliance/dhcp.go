package appliance

import (
	"net/netip"
	"slices"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/dhcp"
	"rackhand/provision/gate"
	"rackhand/provision/links"
)

// newGate makes the gate of all links.
func (a *Appliance) newGate() *gate.Gate {
	return gate.New(gate.Options{
		Links: a.links, Own: a.addresses(), Snapshot: a.holder.Current,
		Record: a.journal, Clock: a.Clock, Random: a.Random, Log: a.Log,
	})
}

// dhcp makes the server of one link. Its URLs and server address are our address there.
func (a *Appliance) dhcp(l links.Link, ready func()) *dhcp.Server {
	at, own := a.applianceAt(l.Addr), a.addresses()
	return dhcp.New(dhcp.Options{
		Interface: l.Name, ServerAddr: l.Addr, Decide: a.decide, Snapshot: a.holder.Current,
		Store: a.store, Record: a.journal, Flood: a.flood, Trace: a.observe, Clock: a.journal.Counted, Log: a.Log, Ready: ready,
		UnderWay:      func(host string) bool { in, ok := a.journal.Current(host); return ok && !in.Stage.Ended() },
		Expected:      a.expected,
		Own:           func(addr netip.Addr) bool { return slices.Contains(own, addr) },
		MayServe:      func(n *inventory.Network) error { return a.gate.MayServe(l.Name, n) },
		ScriptURL:     func(mac inventory.MAC) string { return at.URL + "/boot/ipxe?mac=" + mac.String() },
		TFTPScriptURL: func(mac inventory.MAC) string { return "tftp://" + l.Addr.String() + "/ipxe/" + mac.String() },
		FileURL:       func(program string) string { return at.URL + "/boot/file/" + program },
	})
}

// expected reports whether a host is to boot from the network now and has not got its
// address yet, and since when: since its power-on, otherwise since it was armed.
func (a *Appliance) expected(host string) (since time.Time, ok bool) {
	in, ok := a.journal.Current(host)
	if !ok || !in.Armed || in.Stage.Ended() || in.Stage.Rank() >= provision.Addressed.Rank() {
		return time.Time{}, false
	}
	if at, powered := in.Reached[provision.Powered]; powered {
		return at, true
	}
	return in.Requested, true
}
