package appliance

import (
	"rackhand/inventory"
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
func (a *Appliance) dhcp(l links.Link) *dhcp.Server {
	at := a.applianceAt(l.Addr)
	return dhcp.New(dhcp.Options{
		Interface: l.Name, ServerAddr: l.Addr, Decide: a.decide, Snapshot: a.holder.Current,
		Store: a.store, Record: a.journal, Flood: a.flood, Clock: a.journal.Counted, Log: a.Log,
		UnderWay:      func(host string) bool { in, ok := a.journal.Current(host); return ok && !in.Stage.Ended() },
		MayServe:      func(n *inventory.Network) error { return a.gate.MayServe(l.Name, n) },
		ScriptURL:     func(mac inventory.MAC) string { return at.URL + "/boot/ipxe?mac=" + mac.String() },
		TFTPScriptURL: func(mac inventory.MAC) string { return "tftp://" + l.Addr.String() + "/ipxe/" + mac.String() },
		FileURL:       func(program string) string { return at.URL + "/boot/file/" + program },
	})
}
