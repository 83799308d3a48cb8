package appliance

import (
	"rackhand/inventory"
	"rackhand/provision/dhcp"
)

// dhcp makes the server of a link.
func (a *Appliance) dhcp(link string) *dhcp.Server {
	return dhcp.New(dhcp.Options{
		Interface: link, ServerAddr: a.cfg.Address, Decide: a.decide, Snapshot: a.holder.Current,
		Store: a.store, Record: a.journal, Clock: a.Clock, Log: a.Log,
		ScriptURL:     func(mac inventory.MAC) string { return a.urls.URL + "/boot/ipxe?mac=" + mac.String() },
		TFTPScriptURL: func(mac inventory.MAC) string { return "tftp://" + a.cfg.Address.String() + "/ipxe/" + mac.String() },
		FileURL:       func(program string) string { return a.urls.URL + "/boot/file/" + program },
	})
}
