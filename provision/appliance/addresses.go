package appliance

import (
	"context"
	"net/netip"
	"slices"

	"rackhand/provision/doctor"
	"rackhand/templates"
)

// addresses are ours on the links, each once, the appliance's own first.
func (a *Appliance) addresses() []netip.Addr {
	out := []netip.Addr{a.cfg.Address}
	for _, l := range a.links {
		if !slices.Contains(out, l.Addr) {
			out = append(out, l.Addr)
		}
	}
	return out
}

// applianceAt is how the appliance is reached by a box that came to our address
// local: what is rendered for it names that one, since a box on one link may have no
// way to another. An address that is on none of the links is answered with the
// appliance's own.
func (a *Appliance) applianceAt(local netip.Addr) templates.Appliance {
	local = local.Unmap()
	if !slices.Contains(a.addresses(), local) {
		local = a.cfg.Address
	}
	return templates.ApplianceAt(local, a.cfg.HTTP, a.cfg.Agents)
}

// lockLinks keeps another appliance from serving our links; unlock lets them go.
func (a *Appliance) lockLinks(ctx context.Context) (unlock func(), err error) {
	var held []func()
	unlock = func() {
		for _, release := range held {
			release()
		}
	}
	for _, l := range a.links {
		release, err := doctor.Lock(ctx, doctor.LockDir, l.Name)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, release)
	}
	return unlock, nil
}
