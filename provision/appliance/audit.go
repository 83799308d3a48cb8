package appliance

import (
	"context"
	"encoding/json"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc/audit"
	"rackhand/provision/bmc/audit/probe"
	"rackhand/provision/dhcp"
)

// mostStrangers bounds the addresses outside the inventory at which an audit looks for BMCs.
const mostStrangers = 1024

// newAuditor ties what audits BMCs to the parts.
func (a *Appliance) newAuditor() *audit.Auditor {
	return &audit.Auditor{
		Gatherer: audit.Gatherer{With: a.power.With, Probe: probe.Prober{Random: a.Random}, Clock: a.Clock, Record: a.journal.Record},
		Store:    a.store, Snapshot: a.holder.Current, Target: a.target, Strangers: a.strangers,
		Busy: func(host string) bool {
			in, ok := a.journal.Current(host)
			return ok && in.UnderWay()
		},
	}
}

// strangers are the addresses that boxes outside the inventory have leased.
func (a *Appliance) strangers(ctx context.Context) ([]audit.Stranger, error) {
	records, _, err := a.store.List(ctx, dhcp.LeasePrefix)
	if err != nil {
		return nil, err
	}
	snap := a.holder.Current()
	known := map[string]bool{}
	for _, h := range snap.Hosts {
		if h.BMC != nil {
			known[h.BMC.Address.Addr().String()] = true
		}
	}
	var out []audit.Stranger
	for _, r := range records {
		var l provision.Lease
		if json.Unmarshal(r.Value, &l) != nil || snap.Hosts[l.Host] != nil || known[l.Address] || l.Expires.Before(a.journal.Counted()) {
			continue
		}
		addr, err := netip.ParseAddr(l.Address)
		mac, bad := inventory.ParseMAC(l.MAC)
		if err != nil || bad != nil || snap.HostByMAC(mac) != nil {
			continue
		}
		of := l.MAC
		if h := snap.HostByBMC(mac); h != nil {
			of = "the BMC of " + h.Name
		}
		if out = append(out, audit.Stranger{Address: addr, Found: "leased to " + of}); len(out) == mostStrangers {
			break
		}
	}
	return out, nil
}
