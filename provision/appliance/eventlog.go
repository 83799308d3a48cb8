package appliance

import (
	"os"

	"rackhand/provision/eventlog"
)

// startEventLogs starts what sends events to those who collect logs.
func (a *Appliance) startEventLogs(p parts) error {
	start := func(s eventlog.Sink) {
		f := &eventlog.Follower{Journal: a.journal, Store: a.store, Sink: s, Log: a.Log}
		p.start("events for the "+s.Name(), f.Run)
	}
	if path := a.cfg.Events.File; path != "" {
		start(&eventlog.File{Path: path})
	}
	if a.cfg.Events.Syslog == "" {
		return nil
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	network, address := a.cfg.Events.SyslogAt()
	start(&eventlog.Syslog{Network: network, Address: address, Host: name})
	return nil
}
